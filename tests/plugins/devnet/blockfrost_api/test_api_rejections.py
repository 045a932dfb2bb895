"""A refusal names the broken rule inside of the rules that led to it."""

import orjson
import pytest

from facilitator.cardano.rules import Failure
from facilitator_devnet.blockfrost.rejection import refused

UTXO = "ConwayUtxowFailure (UtxoFailure ({}))"
CERT = "ConwayCertsFailure (CertFailure ({}))"


@pytest.mark.parametrize(
    ("rule", "wrapped"),
    [
        ("FeeTooSmallUTxO", UTXO),
        ("ValueNotConservedUTxO", UTXO),
        ("OutputBootAddrAttrsTooBig", UTXO),
        ("NotJudged", UTXO),
        ("ValidationTagMismatch", UTXO.format("UtxosFailure ({})")),
        ("MissingVKeyWitnessesUTXOW", "ConwayUtxowFailure ({})"),
        ("MissingTxMetadata", "ConwayUtxowFailure ({})"),
        ("ConflictingMetadataHash", "ConwayUtxowFailure ({})"),
        ("StakeKeyRegisteredDELEG", CERT.format("DelegFailure ({})")),
        ("StakePoolNotRegisteredOnKeyPOOL", CERT.format("PoolFailure ({})")),
        ("ConwayDRepNotRegistered", CERT.format("GovCertFailure ({})")),
        ("WithdrawalsNotInRewardsCERTS", "ConwayCertsFailure ({})"),
        ("ConwayWdrlNotDelegatedToDRep", "{}"),
        ("ConwayWithdrawalsMissingAccounts", "{}"),
        ("ConwayIncompleteWithdrawals", "{}"),
        ("ScriptIntegrityHashMismatch", "ConwayUtxowFailure ({})"),
        ("ConwayTreasuryValueMismatch", "{}"),
        ("MalformedProposal", "ConwayGovFailure ({})"),
        ("ProposalDepositIncorrect", "ConwayGovFailure ({})"),
        ("VotersDoNotExist", "ConwayGovFailure ({})"),
        ("ConflictingCommitteeUpdate", "ConwayGovFailure ({})"),
    ],
)
def test_a_predicate_stands_in_its_rules(rule: str, wrapped: str) -> None:
    told = orjson.loads(refused([Failure(rule, "because")], 1, []))
    for _ in range(3):
        told = told["contents"]
    assert told["error"] == [wrapped.format(f'{rule} "because"')]
