"""A node's refusal in plain words.

Blockfrost passes on the output of the node's own tools: the ledger's predicate failures in
Haskell's spelling or as JSON, or an Ogmios sentence.
"""

import re

LONGEST = 500
"""Characters of the node's own text that are kept."""

WORDS = {
    "BadInputsUTxO": "an input is spent already or was never there",
    "ValueNotConservedUTxO": "inputs and outputs do not balance",
    "FeeTooSmallUTxO": "the fee is too small",
    "OutsideValidityIntervalUTxO": "it is not valid at this time",
    "ExpiredUTxO": "its time is over",
    "OutputTooSmallUTxO": "an output holds less than the minimum lovelace",
    "BabbageOutputTooSmallUTxO": "an output holds less than the minimum lovelace",
    "OutputTooBigUTxO": "an output holds too many assets",
    "OutputBootAddrAttrsTooBig": "a Byron address has attributes that are too long",
    "MaxTxSizeUTxO": "it is too large",
    "InputSetEmptyUTxO": "it has no input",
    "WrongNetwork": "an output's address belongs to another network",
    "WrongNetworkWithdrawal": "a withdrawal belongs to another network",
    "WrongNetworkInTxBody": "it is for another network",
    "InvalidWitnessesUTXOW": "a signature does not match",
    "MissingVKeyWitnessesUTXOW": "a signature is missing",
    "MissingScriptWitnessesUTXOW": "a script is missing",
    "ExtraneousScriptWitnessesUTXOW": "it has a script that nothing needs",
    "ScriptWitnessNotValidatingUTXOW": "a native script does not hold",
    "MissingTxBodyMetadataHash": "its metadata's hash is missing",
    "MissingTxMetadata": "its metadata is missing",
    "ConflictingMetadataHash": "its metadata's hash is wrong",
    "InvalidMetadata": "its metadata is not valid",
    "MissingRedeemers": "a redeemer is missing",
    "ExtraRedeemers": "it has a redeemer that nothing needs",
    "MissingRequiredDatums": "a datum is missing",
    "NotAllowedSupplementalDatums": "it has a datum that nothing needs",
    "PPViewHashesDontMatch": "its script data hash is wrong",
    "ScriptIntegrityHashMismatch": "its script data hash is wrong",
    "UnspendableUTxONoDatumHash": "it spends an output of a script that has no datum",
    "ValidationTagMismatch": "its scripts do not do what it says they do",
    "CollectErrors": "its scripts cannot be run",
    "InsufficientCollateral": "its collateral is too small",
    "IncorrectTotalCollateralField": "its total collateral is wrong",
    "NoCollateralInputs": "it has no collateral",
    "TooManyCollateralInputs": "it has too many collateral inputs",
    "ScriptsNotPaidUTxO": "its collateral is at a script",
    "CollateralContainsNonADA": "its collateral holds assets other than ada",
    "ExUnitsTooBigUTxO": "its scripts may use more than a transaction is allowed",
    "BabbageNonDisjointRefInputs": "an input is also a reference input",
    "WithdrawalsNotInRewardsCERTS": "a withdrawal is not of the whole reward",
    "WithdrawalsNotInRewardsDELEGS": "a withdrawal is not of the whole reward",
    "ConwayIncompleteWithdrawals": "a withdrawal is not of the whole reward",
    "ConwayWithdrawalsMissingAccounts": "a withdrawal is from an account that is not registered",
    "ConwayWdrlNotDelegatedToDRep": "a withdrawal is from an account without a DRep",
    "StakeKeyRegisteredDELEG": "a stake credential is registered already",
    "StakeKeyNotRegisteredDELEG": "a stake credential is not registered",
    "ConwayTreasuryValueMismatch": "the treasury holds another amount than it says",
    "ConwayTxRefScriptsSizeTooBig": "its reference scripts are too large",
    "ConwayMempoolFailure": "its inputs are spent already, by itself or another",
    "DecoderErrorDeserialiseFailure": "it is no transaction",
    "DecoderFailure": "it is no transaction",
}
"""The words by the ledger's name of the predicate failure."""

_NAME = re.compile(r"[A-Z][A-Za-z]{5,}")
_NO_VERDICT = re.compile(
    r"SocketEnvError|ConnectionError|connection (?:refused|reset|closed)|ECONN|time[d ]?[- ]?out"
    r"|not (?:yet )?(?:synced|available)|mempool is full",
    re.IGNORECASE,
)


def is_verdict(message: str) -> bool:
    """Return True if a node judged the transaction, False if no node could be asked."""
    return bool(_known(message)) or not _NO_VERDICT.search(message)


def inputs_missing(message: str) -> bool:
    """Return True if the node says that inputs are spent or never were."""
    return not {"BadInputsUTxO", "ConwayMempoolFailure"}.isdisjoint(_known(message))


def rejection(message: str) -> str:
    """Return the reasons in words, each with the ledger's name for it, then the node's own text."""
    reasons = [f"{WORDS[name]} ({name})" for name in _known(message)]
    own = " ".join("".join(c if c.isprintable() else " " for c in message).split())
    if len(own) > LONGEST:
        own = own[: LONGEST - 1] + "…"
    return f"{'; '.join(reasons)}: {own}" if reasons else own


def _known(message: str) -> list[str]:
    return [name for name in dict.fromkeys(_NAME.findall(message)) if name in WORDS]
