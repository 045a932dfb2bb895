"""The reasons of refusals by ``masumi`` (``scheme_exact_cardano.md`` and the SDKs)."""

from enum import StrEnum

_REQUIREMENTS = "invalid_exact_cardano_requirements_masumi"
_PAYLOAD = "invalid_exact_cardano_payload_masumi"


class MasumiReason(StrEnum):
    """The reason of a refusal; the values are part of the wire protocol."""

    # The requirements.
    SCHEMA = _REQUIREMENTS + "_schema"
    COMMITMENT = _REQUIREMENTS + "_commitment"
    DEPLOYMENT = _REQUIREMENTS + "_deployment"
    SELLER_SIGNATURE = _REQUIREMENTS + "_seller_signature"
    AGENT_IDENTIFIER = _REQUIREMENTS + "_agent_identifier"
    IDENTIFIER = _REQUIREMENTS + "_identifier"

    # The payment.
    ESCROW_OUTPUT_COUNT = _PAYLOAD + "_escrow_output_count"
    DATUM_MISSING = _PAYLOAD + "_datum_missing"
    REFERENCE_SCRIPT = _PAYLOAD + "_reference_script"
    DATUM_INVALID = _PAYLOAD + "_datum_invalid"
    DATUM_MISMATCH = _PAYLOAD + "_datum_mismatch"
    DEADLINE = _PAYLOAD + "_deadline"
    COLLATERAL = _PAYLOAD + "_collateral"
    ASSET = _PAYLOAD + "_asset"
    MIN_UTXO = _PAYLOAD + "_min_utxo"
