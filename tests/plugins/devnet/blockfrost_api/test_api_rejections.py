"""A refusal names the broken rule inside of the rules that led to it."""

from dataclasses import replace

import orjson
import pytest

from facilitator.cardano.refusals import Proof, prove_rule, read_refusal
from facilitator.cardano.rules import Failure
from facilitator_devnet.blockfrost.rejection import refused
from support.refusal_names import NAMES
from support.refusals import PAYMENT

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
    told = orjson.loads(refused([Failure(rule, "because")], PAYMENT, [], 5, 10))
    for _ in range(3):
        told = told["contents"]
    assert told["error"] == [wrapped.format(f'{rule} "because"')]


@pytest.mark.parametrize(
    ("rule", "shown"),
    [
        ("CollectErrors:NoCostModel", 'CollectErrors [NoCostModel "because"]'),
        (
            "CollectErrors:BadTranslation:InlineDatumsNotSupported",
            'CollectErrors [BadTranslation (InlineDatumsNotSupported "because")]',
        ),
    ],
)
def test_a_context_that_cannot_be_made_is_told_as_the_ledger_does(rule: str, shown: str) -> None:
    message = refused([Failure(rule, "because")], PAYMENT, [], 5, 10)
    assert (
        UTXO.format(f"UtxosFailure ({shown})")
        in orjson.loads(message)["contents"]["contents"]["contents"]["error"]
    )
    assert read_refusal(message, PAYMENT).proves is prove_rule("CollectErrors", PAYMENT)


@pytest.mark.parametrize(
    ("start", "end", "slot", "shown", "proves"),
    [
        (None, 10, 10, "= SNothing, invalidHereafter = SJust (SlotNo 10)}) (SlotNo 10)",
         Proof.EXPIRED),
        (5, 10, 4, "= SJust (SlotNo 5), invalidHereafter = SJust (SlotNo 10)}) (SlotNo 4)",
         Proof.EARLY),
        (5, None, 4, "= SJust (SlotNo 5), invalidHereafter = SNothing}) (SlotNo 4)",
         Proof.EARLY),
    ],
)  # fmt: skip
def test_the_time_is_shown_as_the_ledger_shows_it(
    start: int | None, end: int | None, slot: int, shown: str, proves: Proof
) -> None:
    body = replace(PAYMENT.body, invalid_before=start, invalid_hereafter=end)
    failure = Failure("OutsideValidityIntervalUTxO", "because")
    message = refused([failure], replace(PAYMENT, body=body), [], slot, 10)
    assert f"OutsideValidityIntervalUTxO (ValidityInterval {{invalidBefore {shown}" in message
    assert read_refusal(message, PAYMENT).proves is proves


@pytest.mark.parametrize(
    ("rule", "wrapped"),
    [
        ("FeeTooSmallUTxO", "DijkstraUtxowFailure (UtxoFailure ({}))"),
        ("DijkstraTreasuryValueMismatch", "{}"),
        ("WithdrawalAccountsMissing", "DijkstraEntitiesFailure ({})"),
        ("MissingAccountsInAccountBalanceIntervals", "DijkstraEntitiesFailure ({})"),
        (
            "DijkstraDRepNotRegistered",
            "DijkstraEntitiesFailure (CertsFailure (CertFailure (GovCertFailure ({}))))",
        ),
        ("VotersDoNotExist", "DijkstraGovFailure ({})"),
    ],
)
def test_from_version_12_on_a_predicate_stands_in_dijkstras_rules(rule: str, wrapped: str) -> None:
    told = orjson.loads(refused([Failure(rule, "because")], PAYMENT, [], 5, 12))
    for _ in range(3):
        told = told["contents"]
    assert told["era"] == "ShelleyBasedEraDijkstra"
    assert told["error"] == [f"LedgerFailure ({wrapped})".format(f'{rule} "because"')]


def test_from_version_12_on_spent_inputs_have_another_name() -> None:
    message = refused([], PAYMENT, PAYMENT.body.inputs, 5, 12)
    assert "AllInputsAreSpent" in message
    assert read_refusal(message, PAYMENT).proves is Proof.INPUTS


@pytest.mark.parametrize("version", [11, 12])
@pytest.mark.parametrize("name", [name for names in NAMES.values() for name in names.split()])
def test_every_refusal_proves_what_its_rule_does(name: str, version: int) -> None:
    message = refused([Failure(name, "because")], PAYMENT, [], 5, version)
    assert read_refusal(message, PAYMENT).proves is prove_rule(name, PAYMENT)
