"""The ledger's names and Ogmios' codes for a refusal, by what they prove."""

from facilitator.cardano.refusals import Proof

NAMES: dict[Proof, str] = {
    Proof.INPUTS: "BadInputsUTxO AllInputsAreSpent DijkstraSpendingOutputFromSameTx",
    Proof.BYTES: (
        "InputSetEmptyUTxO InvalidWitnessesUTXOW MissingVKeyWitnessesUTXOW"
        " MissingScriptWitnessesUTXOW ExtraneousScriptWitnessesUTXOW MissingTxBodyMetadataHash"
        " MissingTxMetadata ConflictingMetadataHash InvalidMetadata MissingRedeemers ExtraRedeemers"
        " MissingRequiredDatums NotAllowedSupplementalDatums UnspendableUTxONoDatumHash"
        " MalformedScriptWitnesses MalformedReferenceScripts ValueNotConservedUTxO WrongNetwork"
        " WrongNetworkWithdrawal WrongNetworkInTxBody WrongNetworkPOOL OutputBootAddrAttrsTooBig"
        " ScriptsNotPaidUTxO CollateralContainsNonADA IncorrectTotalCollateralField"
        " NoCollateralInputs ProposalProcedureNetworkIdMismatch"
        " TreasuryWithdrawalsNetworkIdMismatch ConflictingCommitteeUpdate ZeroTreasuryWithdrawals"
        " PoolMedataHashTooBig PtrPresentInCollateralReturn MissingRequiredGuards"
        " MalformedGuardDatums WrongNetworkInWithdrawals WrongNetworkInDirectDeposits"
    ),
    Proof.PARAMETERS: (
        "FeeTooSmallUTxO MaxTxSizeUTxO OutputTooSmallUTxO BabbageOutputTooSmallUTxO"
        " OutputTooBigUTxO ExUnitsTooBigUTxO TooManyCollateralInputs InsufficientCollateral"
        " PPViewHashesDontMatch ScriptIntegrityHashMismatch ConwayTxRefScriptsSizeTooBig"
        " DijkstraTxRefScriptsSizeTooBig ValidationTagMismatch CollectErrors"
        " StakePoolCostTooLowPOOL IncorrectDepositDELEG DepositIncorrectDELEG"
        " ProposalDepositIncorrect ConwayDRepIncorrectDeposit DijkstraDRepIncorrectDeposit"
        " MalformedProposal BabbageNonDisjointRefInputs"
    ),
    Proof.EXPIRED: "ExpiredUTxO",
    Proof.EARLY: "OutsideForecast ScriptWitnessNotValidatingUTXOW OutsideValidityIntervalUTxO",
    Proof.STATE: (
        "WithdrawalsNotInRewardsCERTS ConwayIncompleteWithdrawals ConwayWithdrawalsMissingAccounts"
        " ConwayWdrlNotDelegatedToDRep ConwayTreasuryValueMismatch StakeKeyRegisteredDELEG"
        " DelegAccountAlreadyRegistered StakeKeyNotRegisteredDELEG"
        " StakeKeyHasNonZeroAccountBalanceDELEG RefundIncorrectDELEG"
        " DelegateeDRepNotRegisteredDELEG DelegateeStakePoolNotRegisteredDELEG"
        " StakePoolNotRegisteredOnKeyPOOL StakePoolRetirementWrongEpochPOOL"
        " VRFKeyHashAlreadyRegistered ConwayDRepAlreadyRegistered ConwayDRepNotRegistered"
        " ConwayDRepIncorrectRefund ConwayCommitteeHasPreviouslyResigned ConwayCommitteeIsUnknown"
        " DijkstraDRepAlreadyRegistered DijkstraDRepNotRegistered DijkstraDRepIncorrectRefund"
        " DijkstraCommitteeHasPreviouslyResigned DijkstraCommitteeIsUnknown"
        " GovActionsDoNotExist DisallowedVoters ExpirationEpochTooSmall InvalidPrevGovActionId"
        " VotingOnExpiredGovAction ProposalCantFollow InvalidGuardrailsScriptHash"
        " DisallowedProposalDuringBootstrap DisallowedVotesDuringBootstrap VotersDoNotExist"
        " ProposalReturnAccountDoesNotExist TreasuryWithdrawalReturnAccountsDoNotExist"
        " UnelectedCommitteeVoters MissingAccountsInWithdrawals IncompleteWithdrawals"
        " ExceededBalancesInWithdrawals MissingAccountsInDirectDeposits"
        " WithdrawalsExceedAccountBalance DijkstraTreasuryValueMismatch"
        " SubTreasuryValueMismatch MissingOriginalAccountsInWithdrawals"
    ),
}
OGMIOS: dict[Proof, tuple[int, ...]] = {
    Proof.INPUTS: (3117,),
    Proof.BYTES: (
        *(3100, 3101, 3102, 3104, 3105, 3106, 3107, 3108, 3109, 3110, 3111, 3112, 3114, 3116),
        *(3120, 3121, 3123, 3124, 3126, 3127, 3129, 3132, 3133, 3135, 3156, 3168, 3169),
    ),
    Proof.PARAMETERS: (
        *(3113, 3115, 3119, 3122, 3125, 3128, 3131, 3134, 3136, 3161, 3166, 3143, 3144, 3151),
        *(3155, 3164, 3004),
    ),
    Proof.EARLY: (3103, 3118, 3130),
    Proof.STATE: (
        *(3137, 3138, 3140, 3141, 3142, 3145, 3146, 3147, 3150, 3152, 3153, 3154, 3157, 3158),
        *(3159, 3160, 3162, 3163, 3165, 3167, 3170),
    ),
    Proof.NOTHING: (
        *(3005, 3139, 3148, 3149, 3998, -32600, -32601, -32602, -32603, -32000, -32001),
        *(3000, 3010, 3171, 3999),
    ),
}
