"""The ledger's predicate failures by name: what each proves, and the same in words.

From cardano-ledger's ``Rules`` of the eras Shelley to Dijkstra. A name stands here without its
era's prefix and without the ``Sub`` of Dijkstra's sub-transactions: ``ConwayDRepNotRegistered``,
``DijkstraDRepNotRegistered`` and ``SubDRepNotRegistered`` are one rule.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from facilitator.cardano.refusals.proof import Proof


class Rule(NamedTuple):
    """A ledger rule that can refuse a transaction."""

    proves: Proof
    words: str


_INPUTS = {
    "BadInputsUTxO": "an input is spent already or was never there",
    "AllInputsAreSpent": "its inputs are spent already, by itself or another",
    "SpendingOutputFromSameTx": "it spends an output of its own",
}

_BYTES = {
    "InputSetEmptyUTxO": "it has no input",
    "OutputBootAddrAttrsTooBig": "a Byron address has attributes that are too long",
    "WrongNetwork": "an output's address belongs to another network",
    "WrongNetworkWithdrawal": "a withdrawal belongs to another network",
    "WrongNetworkInWithdrawals": "a withdrawal belongs to another network",
    "WithdrawalAddressesWithWrongNetwork": "a withdrawal belongs to another network",
    "WrongNetworkInDirectDeposits": "a direct deposit belongs to another network",
    "DirectDepositAddressesWithWrongNetwork": "a direct deposit belongs to another network",
    "WrongNetworkInAccountBalanceIntervals": "an account belongs to another network",
    "WrongNetworkInStartingAccountBalanceIntervals": "an account belongs to another network",
    "WrongNetworkInTxBody": "it is for another network",
    "WrongNetworkPOOL": "a pool's reward account belongs to another network",
    "ProposalProcedureNetworkIdMismatch": "a proposal's return address is of another network",
    "TreasuryWithdrawalsNetworkIdMismatch": "a treasury withdrawal is to another network",
    "ValueNotConservedUTxO": "inputs and outputs do not balance",
    "ValueNotConservedInLegacyMode": "its top level does not balance by itself",
    "InvalidWitnessesUTXOW": "a signature does not match",
    "MissingVKeyWitnessesUTXOW": "a signature is missing",
    "MissingScriptWitnessesUTXOW": "a script is missing",
    "ExtraneousScriptWitnessesUTXOW": "it has a script that nothing needs",
    "MissingTxBodyMetadataHash": "its metadata's hash is missing",
    "MissingTxMetadata": "its metadata is missing",
    "ConflictingMetadataHash": "its metadata's hash is wrong",
    "InvalidMetadata": "its metadata is not valid",
    "MissingRedeemers": "a redeemer is missing",
    "ExtraRedeemers": "it has a redeemer that nothing needs",
    "MissingRequiredDatums": "a datum is missing",
    "NotAllowedSupplementalDatums": "it has a datum that nothing needs",
    "UnspendableUTxONoDatumHash": "it spends an output of a script that has no datum",
    "MalformedScriptWitnesses": "a script is malformed",
    "MalformedReferenceScripts": "a reference script is malformed",
    "ScriptsNotPaidUTxO": "its collateral is at a script",
    "CollateralContainsNonADA": "its collateral holds assets other than ada",
    "IncorrectTotalCollateralField": "its total collateral is wrong",
    "NoCollateralInputs": "it has no collateral",
    "PtrPresentInCollateralReturn": "its collateral goes back to a pointer address",
    "MissingRequiredGuards": "a guard that a part of it requires is missing",
    "MalformedGuardDatums": "a guard has a datum that it may not have, or lacks one",
    "ConflictingCommitteeUpdate": "a proposal both adds and removes a committee member",
    "ZeroTreasuryWithdrawals": "a proposal withdraws nothing from the treasury",
    "PoolMedataHashTooBig": "the hash of a pool's metadata is too long",
    "PoolMetadataHashTooBig": "the hash of a pool's metadata is too long",
}

_PARAMETERS = {
    "FeeTooSmallUTxO": "the fee is too small",
    "MaxTxSizeUTxO": "it is too large",
    "OutputTooSmallUTxO": "an output holds less than the minimum lovelace",
    "OutputTooBigUTxO": "an output holds too many assets",
    "ExUnitsTooBigUTxO": "its scripts may use more than a transaction is allowed",
    "TooManyCollateralInputs": "it has too many collateral inputs",
    "InsufficientCollateral": "its collateral is too small",
    "PPViewHashesDontMatch": "its script data hash is wrong",
    "ScriptIntegrityHashMismatch": "its script data hash is wrong",
    "TxRefScriptsSizeTooBig": "its reference scripts are too large",
    "ValidationTagMismatch": "its scripts do not do what it says they do",
    "CollectErrors": "its scripts cannot be run",
    "StakePoolCostTooLowPOOL": "a pool's cost is too low",
    "IncorrectDepositDELEG": "a stake credential's deposit is wrong",
    "DepositIncorrectDELEG": "a stake credential's deposit is wrong",
    "ProposalDepositIncorrect": "a proposal's deposit is wrong",
    "DRepIncorrectDeposit": "a DRep's deposit is wrong",
    "MalformedProposal": "a proposal is malformed",
    "NonDisjointRefInputs": "an input is also a reference input",
}

_STATE = {
    "WithdrawalsNotInRewardsCERTS": "a withdrawal is not of the whole reward",
    "WithdrawalsNotInRewardsDELEGS": "a withdrawal is not of the whole reward",
    "IncompleteWithdrawals": "a withdrawal is not of the whole reward",
    "WithdrawalAmountsInexactInLegacyMode": "a withdrawal is not of the whole reward",
    "ExceededBalancesInWithdrawals": "a withdrawal is of more than the reward",
    "WithdrawalsExceedAccountBalance": "a withdrawal is of more than the reward",
    "WithdrawalAmountsExceedingOriginalBalance": "a withdrawal is of more than the reward",
    "WithdrawalsMissingAccounts": "a withdrawal is from an account that is not registered",
    "MissingAccountsInWithdrawals": "a withdrawal is from an account that is not registered",
    "MissingOriginalAccountsInWithdrawals": "a withdrawal is from an account that was not there",
    "WithdrawalAccountsMissing": "a withdrawal is from an account that is not registered",
    "MissingAccountsInDirectDeposits": "a direct deposit is to an account that is not registered",
    "DirectDepositAccountsMissing": "a direct deposit is to an account that is not registered",
    "MissingAccountsInAccountBalanceIntervals": "it names an account that is not registered",
    "MissingAccountsInStartingAccountBalanceIntervals": "it names an account that was not there",
    "BalancesOutsideAccountBalanceIntervals": "an account holds another amount than it allows",
    "BalancesOutsideStartingAccountBalanceIntervals": "an account held another amount",
    "WdrlNotDelegatedToDRep": "a withdrawal is from an account without a DRep",
    "TreasuryValueMismatch": "the treasury holds another amount than it says",
    "StakeKeyRegisteredDELEG": "a stake credential is registered already",
    "DelegAccountAlreadyRegistered": "a stake credential is registered already",
    "StakeKeyNotRegisteredDELEG": "a stake credential is not registered",
    "StakeKeyHasNonZeroAccountBalanceDELEG": "a stake credential still has rewards",
    "RefundIncorrectDELEG": "a stake credential's refund is wrong",
    "DelegateeDRepNotRegisteredDELEG": "it delegates to a DRep that is not registered",
    "DelegateeStakePoolNotRegisteredDELEG": "it delegates to a pool that is not registered",
    "StakePoolNotRegisteredOnKeyPOOL": "a pool is not registered",
    "StakePoolRetirementWrongEpochPOOL": "a pool cannot retire in that epoch",
    "VRFKeyHashAlreadyRegistered": "a pool's VRF key is registered already",
    "DRepAlreadyRegistered": "a DRep is registered already",
    "DRepNotRegistered": "a DRep is not registered",
    "DRepIncorrectRefund": "a DRep's refund is wrong",
    "CommitteeHasPreviouslyResigned": "a committee member has resigned",
    "CommitteeIsUnknown": "a committee member is not known",
    "UnelectedCommitteeVoters": "a vote is by a committee member who is not elected",
    "GovActionsDoNotExist": "a vote is on a proposal that is not there",
    "DisallowedVoters": "a vote is by one who may not vote on that",
    "VotersDoNotExist": "a vote is by one who is not registered",
    "VotingOnExpiredGovAction": "a vote is on a proposal whose time is over",
    "DisallowedVotesDuringBootstrap": "a vote is not allowed yet",
    "ExpirationEpochTooSmall": "a proposal adds a committee member whose term is over",
    "InvalidPrevGovActionId": "a proposal does not follow the one enacted last",
    "ProposalCantFollow": "a proposal's version does not follow the one in force",
    "InvalidGuardrailsScriptHash": "a proposal names another guardrails script",
    "DisallowedProposalDuringBootstrap": "a proposal is not allowed yet",
    "ProposalReturnAccountDoesNotExist": "a proposal's return account is not registered",
    "TreasuryWithdrawalReturnAccountsDoNotExist": "a treasury withdrawal's account is missing",
}

_TIME = {
    # The slots that come with it decide if it has ended.
    "OutsideValidityIntervalUTxO": Rule(Proof.EARLY, "it is not valid at this time"),
    "ExpiredUTxO": Rule(Proof.EXPIRED, "its time is over"),
    "OutsideForecast": Rule(Proof.EARLY, "it is valid later than can be foreseen"),
    # Signatures or a time lock: the name does not show which.
    "ScriptWitnessNotValidatingUTXOW": Rule(Proof.EARLY, "a native script does not hold"),
}

MEMPOOL_FAILURE = "MempoolFailure"
"""A failure that only its text says more of."""
ALL_SPENT = "All inputs are spent"
"""The beginning of its text when no input is in the node's view."""
UNELECTED = "Unelected committee members"
"""The beginning of its text when a vote's author is not elected."""
INTERVAL = "OutsideValidityIntervalUTxO"
BALANCES = frozenset({"ValueNotConservedUTxO", "ValueNotConservedInLegacyMode"})
"""The rules on the balance, which deposits and withdrawals make depend on the ledger state."""

RULES: Mapping[str, Rule] = {
    **{name: Rule(Proof.INPUTS, words) for name, words in _INPUTS.items()},
    **{name: Rule(Proof.BYTES, words) for name, words in _BYTES.items()},
    **{name: Rule(Proof.PARAMETERS, words) for name, words in _PARAMETERS.items()},
    **{name: Rule(Proof.STATE, words) for name, words in _STATE.items()},
    **_TIME,
    MEMPOOL_FAILURE: Rule(Proof.NOTHING, "the node's mempool does not take it"),
}

_WRAPPERS = frozenset(
    {
        # of rules around others
        "LedgerFailure",
        "LedgersFailure",
        "UtxowFailure",
        "UtxoFailure",
        "UtxosFailure",
        "EntitiesFailure",
        "CertsFailure",
        "CertFailure",
        "DelegsFailure",
        "DelplFailure",
        "DelegFailure",
        "PoolFailure",
        "GovCertFailure",
        "GovFailure",
        # of eras around older ones
        "AlonzoInBabbageUtxowPredFailure",
        "AlonzoInBabbageUtxoPredFailure",
        "ShelleyInAlonzoUtxowPredFailure",
        "WrappedShelleyEraFailure",
        "FromAlonzoUtxoFail",
        "FromAlonzoUtxowFail",
        # of the whole refusal
        "ShelleyTxValidationError",
        "ApplyTxError",
    }
)

_PREFIX = re.compile(r"(?:Sub)?(?:Shelley|Alonzo|Babbage|Conway|Dijkstra)?(?:Sub)?(?=[A-Z])")


def bare(name: str) -> str:
    """Return the name without its era and without ``Sub``, unless it is known as it is."""
    if name in RULES or name in _WRAPPERS:
        return name
    return _PREFIX.sub("", name, count=1)


def is_wrapper(name: str) -> bool:
    """Return True if the name only says which rule, or which era's, found the failure in it."""
    return bare(name) in _WRAPPERS
