"""What a refusal proves: every text of the catalogue, and texts that no server has sent yet."""

import json
import re
from dataclasses import replace

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from facilitator.cardano.refusals import Proof, prove_rule, read_refusal, weakest
from facilitator.cardano.refusals.ledger_names import RULES
from facilitator.cardano.refusals.refusal import LONGEST, SHOWN
from facilitator.cardano.transaction import Certificate
from support.refusal_catalogue import CATALOGUE, READ_ERROR, Case
from support.refusal_names import NAMES, OGMIOS
from support.refusals import ENVELOPES, PAYMENT, blockfrost, ogmios, shown, submit_api

DEFINITE = [name for proves, names in NAMES.items() if proves is not Proof.INPUTS
            for name in names.split()]  # fmt: skip
any_names = st.lists(st.sampled_from(DEFINITE), min_size=1, max_size=4)


def proved(text: str) -> Proof:
    return read_refusal(text, PAYMENT).proves


@pytest.mark.parametrize("case", CATALOGUE, ids=lambda case: case.name)
def test_the_catalogue(case: Case) -> None:
    assert proved(case.text) is case.proves


@pytest.mark.parametrize("case", CATALOGUE, ids=lambda case: case.name)
def test_the_catalogue_in_a_message_of_blockfrost(case: Case) -> None:
    if case.name != "in four levels of JSON":
        assert proved(blockfrost(case.text)) is case.proves


def test_every_rule_is_in_the_catalogue_or_of_a_later_package() -> None:
    tested = {name for names in NAMES.values() for name in names.split()}
    later = re.compile(
        r"\w*Deposit(Addresses|Accounts)\w+|\w*AccountBalanceIntervals|Withdrawal(A\w+)"
        r"|ValueNotConservedInLegacyMode|PoolMetadataHashTooBig|WithdrawalsNotInRewardsDELEGS"
        r"|MempoolFailure"
    )
    prefixed = {re.sub("^(Conway|Dijkstra|Babbage|Sub)", "", name) for name in tested}
    assert [name for name in RULES if name not in prefixed | tested and not later.match(name)] == []


@pytest.mark.parametrize(
    "deposits", [{"certificates": (Certificate(7),)}, {"withdrawals": {b"": 1}}]
)
def test_a_balance_with_deposits_depends_on_the_ledger_state(deposits: dict[str, object]) -> None:
    moving = replace(PAYMENT, body=replace(PAYMENT.body, **deposits))  # type: ignore[arg-type]
    for text in (submit_api(shown("ValueNotConservedUTxO")), ogmios(3123, {})):
        assert read_refusal(text, moving).proves is Proof.STATE
        assert read_refusal(text, None).proves is Proof.STATE
        assert read_refusal(text, PAYMENT).proves is Proof.BYTES


def test_what_cannot_be_decoded_here_either_is_no_transaction() -> None:
    refusal = read_refusal(json.dumps(READ_ERROR), None)
    assert refusal.proves is Proof.BYTES
    assert refusal.text.startswith("it is no transaction: ")


def test_a_rule_by_its_name() -> None:
    assert prove_rule("FeeTooSmallUTxO", PAYMENT) is Proof.PARAMETERS
    assert prove_rule("OutsideValidityIntervalUTxO", PAYMENT) is Proof.EARLY
    assert prove_rule("OutsideValidityIntervalUTxO", PAYMENT, has_ended=True) is Proof.EXPIRED
    assert prove_rule("NotJudged", PAYMENT) is Proof.NOTHING
    assert weakest([]) is Proof.NOTHING


# --- In words -------------------------------------------------------------------------------------


def test_a_refusal_names_its_rules_in_words() -> None:
    body = blockfrost(submit_api(shown("ValueNotConservedUTxO"), shown("BadInputsUTxO")))
    text = read_refusal(body, PAYMENT).text
    assert text.startswith(
        "inputs and outputs do not balance (ValueNotConservedUTxO); an input is spent already or"
        " was never there (BadInputsUTxO): ConwayUtxowFailure (UtxoFailure (Value"
    )


def test_ogmios_has_words_of_its_own() -> None:
    spent = {"error": "All inputs are spent."}
    text = read_refusal(ogmios(3997, spent, "It was refused."), PAYMENT).text
    assert text == "Ogmios 3997: It was refused. All inputs are spent."


@pytest.mark.parametrize(
    ("answer", "shown_text"),
    [
        ("FeeTooSmallUTxO", "the fee is too small (FeeTooSmallUTxO): FeeTooSmallUTxO"),
        ("something else", "something else"),
        ("FeeTooSmallUTxO or not", "FeeTooSmallUTxO or not"),
        ("two\nlines\x00\x1b[31m", "two lines [31m"),
    ],
)
def test_a_refusal_is_one_line(answer: str, shown_text: str) -> None:
    assert read_refusal(answer, PAYMENT).text == shown_text


def test_a_refusal_is_bounded() -> None:
    text = read_refusal("x" * 100_000, PAYMENT).text
    assert len(text) == SHOWN
    assert text.endswith("…")


def test_an_answer_that_is_too_long_proves_nothing() -> None:
    text = submit_api(*[shown("FeeTooSmallUTxO")] * (LONGEST // 100))
    assert proved(text) is Proof.NOTHING


# --- Properties -----------------------------------------------------------------------------------


@pytest.mark.once
@settings(max_examples=500, deadline=None)
@given(st.text())
@example("\\" * 40_000 + '"' * 40_000)
@example('\\"' * 40_000)
@example('"\\' * 40_000)
@example("{" * 60_000)
def test_a_text_without_a_name_proves_nothing(text: str) -> None:
    assume(not any(name in text for name in RULES))
    assert proved(text) is Proof.NOTHING
    assert proved(blockfrost(text)) is Proof.NOTHING


@given(st.binary().map(bytes.hex))
def test_bytes_in_hex_prove_nothing(text: str) -> None:
    assert proved(text) is Proof.NOTHING
    assert proved(text.upper()) is Proof.NOTHING


@given(st.text(), st.sampled_from([*DEFINITE, "BadInputsUTxO"]), st.text(alphabet=" ,.:;)(]["))
def test_names_in_quotes_prove_nothing(before: str, name: str, after: str) -> None:
    quoted = json.dumps(f"{before} {name} {after}", ensure_ascii=False)
    assert proved(f"NewFailure {quoted}") is Proof.NOTHING
    assert proved(submit_api(f"ConwayGovFailure (NewFailure {quoted})")) is Proof.NOTHING


@given(any_names, st.randoms(use_true_random=False), st.sampled_from(ENVELOPES))
def test_the_order_of_failures_does_not_matter(
    names: list[str], random: object, envelope: object
) -> None:
    failures = [shown(name) for name in names]
    one = envelope(*failures)  # type: ignore[operator]
    random.shuffle(failures)  # type: ignore[attr-defined]
    other = envelope(*failures)  # type: ignore[operator]
    assert proved(one) is proved(other)
    assert proved(one) is weakest(prove_rule(name, PAYMENT) for name in names)


@given(any_names, st.integers(0, 4), st.sampled_from(ENVELOPES))
def test_missing_inputs_outweigh_all_else(names: list[str], place: int, envelope: object) -> None:
    failures = [shown(name) for name in names]
    failures.insert(place, shown("BadInputsUTxO"))
    assert proved(envelope(*failures)) is Proof.INPUTS  # type: ignore[operator]


@given(any_names, st.integers(0, 4), st.sampled_from(ENVELOPES))
def test_one_unknown_failure_leaves_nothing_proved(
    names: list[str], place: int, envelope: object
) -> None:
    failures = [shown(name) for name in names]
    failures.insert(place, shown("FailureOfAnEraToCome"))
    assert proved(envelope(*failures)) is Proof.NOTHING  # type: ignore[operator]


texts = st.sampled_from([case.text for case in CATALOGUE if 0 < len(case.text) < 5_000])


@settings(max_examples=500, deadline=None)
@given(texts, st.data())
def test_a_text_that_is_cut_proves_no_more(text: str, data: st.DataObject) -> None:
    """A part of the failures is no reason for a verdict."""
    cut = text[: data.draw(st.integers(0, len(text) - 1))]
    if cut.strip() not in ("FeeTooSmallUTxO", "") and not text.startswith("FeeTooSmall"):
        assert proved(cut) in (Proof.NOTHING, Proof.INPUTS)


@settings(max_examples=500, deadline=None)
@given(texts, st.data(), st.text(max_size=3))
def test_a_text_with_an_error_in_it_is_read_or_not(
    text: str, data: st.DataObject, inserted: str
) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 3)))
    assert isinstance(proved(text[:start] + inserted + text[end:]), Proof)


def test_ogmios_codes_are_each_tested_once() -> None:
    every = [code for codes in OGMIOS.values() for code in codes]
    assert len(every) == len(set(every))
