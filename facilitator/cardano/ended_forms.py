"""The forms that Conway's decoder takes and Dijkstra's refuses.

The node decodes a submitted Conway transaction again with the decoders of protocol version 12
(``Translation.hs`` of cardano-ledger's Dijkstra). Whatever has none of these stays good, with the
same id and the same signatures.
"""

from enum import StrEnum

from facilitator.cardano.cbor import DecodeError


class EndedForm(StrEnum):
    """A form that ended with protocol version 11. The values are stable names."""

    FALSE_VALIDITY_FLAG = "FalseValidityFlag"
    """The flag between witnesses and auxiliary data says that scripts fail."""
    CERTIFICATE_WITHOUT_DEPOSIT = "CertificateWithoutDeposit"
    """A certificate of kind 0 or 1 registers a stake credential, or ends that."""
    LISTED_REDEEMERS = "ListedRedeemers"
    """The redeemers are an array, not a map."""
    DUPLICATE_WITNESS = "DuplicateWitness"
    """A signature, native script or datum is there twice."""
    EMPTY_MULTI_ASSET = "EmptyMultiAsset"
    """A value is an amount of lovelace with an empty map of assets."""
    CHAIN_CODE_SIZE = "ChainCodeSize"
    """The chain code of a bootstrap witness has not 32 bytes."""
    POINTER_COLLATERAL_RETURN = "PtrPresentInCollateralReturn"
    """The collateral goes back to a pointer address: a rule's failure, by the ledger's name."""


class EndedFormError(DecodeError):
    """The bytes have a form that ended with protocol version 11."""

    def __init__(self, form: EndedForm, message: str) -> None:
        """Name the form; ``message`` says where it is and what to do instead."""
        super().__init__(f"{form}: {message}")
        self.form = form
        self.why = message
