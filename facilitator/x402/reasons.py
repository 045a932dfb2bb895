"""The stable, machine-readable reasons of refusals (``scheme_exact_cardano.md`` and the SDKs)."""

from enum import StrEnum

_REQUIREMENTS = "invalid_exact_cardano_requirements"
_PAYLOAD = "invalid_exact_cardano_payload"


class Reason(StrEnum):
    """A reason to refuse a request or a payment; the values are part of the wire protocol.

    ``docs/reference/errors.md`` says what each of them means.
    """

    # The request itself cannot be used (HTTP 4xx).
    INVALID_PAYLOAD = "invalid_payload"
    INVALID_REQUIREMENTS = "invalid_payment_requirements"
    INVALID_VERSION = "invalid_x402_version"
    IDEMPOTENCY_CONFLICT = "idempotency_conflict"

    # The requirements.
    UNSUPPORTED_SCHEME = "unsupported_scheme"
    NETWORK_MISMATCH = "network_mismatch"
    REQUIREMENTS = _REQUIREMENTS
    REQUIREMENTS_POLICY = _REQUIREMENTS + "_policy"

    # The payment.
    PAYLOAD = _PAYLOAD
    UNSUPPORTED_VERSION = _PAYLOAD + "_unsupported_version"
    VERIFICATION_ERROR = _PAYLOAD + "_verification_error"
    DECODE_FAILED = _PAYLOAD + "_transaction_decode_failed"
    NETWORK_ID_MISMATCH = _PAYLOAD + "_network_id_mismatch"
    RECIPIENT_MISMATCH = _PAYLOAD + "_recipient_mismatch"
    ASSET_MISMATCH = _PAYLOAD + "_asset_mismatch"
    AMOUNT_INSUFFICIENT = _PAYLOAD + "_amount_insufficient"
    NONCE_INVALID = _PAYLOAD + "_nonce_invalid"
    NONCE_NOT_IN_INPUTS = _PAYLOAD + "_nonce_not_in_inputs"
    NONCE_NOT_ON_CHAIN = _PAYLOAD + "_nonce_not_on_chain"
    INPUT_NOT_AVAILABLE = _PAYLOAD + "_input_not_available"
    TTL_EXPIRED = _PAYLOAD + "_ttl_expired"
    TTL_TOO_FAR = _PAYLOAD + "_ttl_too_far"
    NOT_YET_VALID = _PAYLOAD + "_not_yet_valid"
    MIN_UTXO_INSUFFICIENT = _PAYLOAD + "_min_utxo_insufficient"
    UNSIGNED = _PAYLOAD + "_unsigned"
    INVALID_SIGNATURE = _PAYLOAD + "_invalid_signature"
    PHASE1_INVALID = _PAYLOAD + "_phase1_invalid"
    PHASE2_INVALID = _PAYLOAD + "_phase2_invalid"
    VALUE_NOT_CONSERVED = _PAYLOAD + "_value_not_conserved"
    FEE_BELOW_MINIMUM = _PAYLOAD + "_fee_below_minimum"
    BATCH_NOT_ACCEPTED = _PAYLOAD + "_batch_not_accepted"
    SUB_TRANSACTION_NOT_ACCEPTED = _PAYLOAD + "_sub_transaction_not_accepted"
    SCRIPT_ADDRESS_MISMATCH = _PAYLOAD + "_script_address_mismatch"

    # The sponsor of the fee (``fee_sponsor_cardano.md``).
    FEE_SPONSOR_REFUSED = "fee_sponsor_refused"
    FEE_SPONSOR_WITNESS_INVALID = "fee_sponsor_witness_invalid"
    FEE_SPONSOR_WITNESS_MISSING = "fee_sponsor_witness_missing"

    # The facilitator and the chain.
    CHAIN_LOOKUP_FAILED = "exact_cardano_facilitator_chain_lookup_failed"
    PROTOCOL_VERSION_NOT_KNOWN = "exact_cardano_facilitator_protocol_version_not_known"
    EVIDENCE_UNAVAILABLE = "exact_cardano_facilitator_evidence_unavailable"
    SETTLEMENT_FAILED = "exact_cardano_settlement_failed"
    DEFINITIVELY_REJECTED = "exact_cardano_settlement_definitively_rejected"
    PENDING = "settlement_pending"
    DUPLICATE = "duplicate_settlement"
