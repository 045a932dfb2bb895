"""The contract of chain providers catches an error of a client, and a guess, during an outage."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

import pytest

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.rules.evaluation import ScriptFailure
from facilitator.cardano.transaction import Output, OutputRef
from facilitator.roles.chain import AssetState, NotFound, OutputStatus, Spent
from facilitator.roles.chain_errors import ChainUnavailable, SubmissionUnknown
from facilitator.roles.chain_spenders import SpentBy
from facilitator.testing.chain import ChainProviderContract
from facilitator.testing.clock import ManualClock
from facilitator.testing.over_devnet import OverDevnet
from facilitator_devnet.devnet import Devnet

METHODS = (
    *("tip", "blocks_after", "transaction", "outputs", "submit"),
    *("outputs_at", "transactions", "ledger_state", "asset", "spender", "evaluate"),
    "next_protocol_version",
)
GUESSES: Mapping[str, Callable[[Any], Any]] = {
    "tip": lambda devnet: Devnet.tip(devnet),
    "blocks_after": lambda _: [],
    "transaction": lambda _: NotFound(),
    "outputs": lambda _: {OutputRef(b"\xab" * 32, 0): Spent()},
    "outputs_at": lambda _: {},
    "transactions": lambda _: {"ab" * 32: NotFound()},
    "asset": lambda _: AssetState({}, None),
    "evaluate": lambda _: [],
    "next_protocol_version": lambda _: None,
    "spender": lambda _: SpentBy("ab" * 32, None, (), ()),
}


class Cable(Devnet):
    """A devnet behind a cable, with one method that fails in its own way."""

    cut = False
    bad = ""
    guesses = False

    def evaluate(self, transaction: bytes, utxo: Mapping[OutputRef, Output]) -> list[ScriptFailure]:
        raise NotImplementedError

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name not in METHODS or not self.cut:
            return found
        if name != self.bad:
            error = SubmissionUnknown if name == "submit" else ChainUnavailable
        elif self.guesses:
            return lambda *_: GUESSES[name](self)
        else:
            error = TimeoutError  # type: ignore[assignment]
        return lambda *_: _raise(error("no answer"))


def _raise(error: Exception) -> None:
    raise error


class UnderTest(OverDevnet[Cable]):
    def cut_off(self) -> None:
        self.provider.cut = True


@pytest.fixture
def chain() -> Iterator[UnderTest]:
    with closing(Cable("cardano:preprod", ManualClock(1_765_000_000.0))) as devnet:
        yield UnderTest(devnet, devnet)


def outage(chain: UnderTest) -> None:
    ChainProviderContract().test_a_provider_that_is_cut_off_says_so(chain)


@pytest.mark.parametrize("method", METHODS)
def test_an_error_of_a_client_is_caught(chain: UnderTest, method: str) -> None:
    chain.provider.bad = method
    with pytest.raises(AssertionError, match=f"{method}.*TimeoutError"):
        outage(chain)


@pytest.mark.parametrize("method", GUESSES)
def test_a_guess_is_caught(chain: UnderTest, method: str) -> None:
    chain.provider.bad, chain.provider.guesses = method, True
    with pytest.raises(AssertionError):
        outage(chain)


def test_an_outage_that_is_named_is_not_caught(chain: UnderTest) -> None:
    outage(chain)


def test_a_method_that_the_start_refuses_is_caught(
    chain: UnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Cable, "tip", lambda self, at: Devnet.tip(self))  # noqa: ARG005
    with pytest.raises(AssertionError, match="whose tip does not take"):
        ChainProviderContract().test_the_start_takes_the_provider(chain)


class Runs(Devnet):
    """Runs scripts by whatever a test says."""

    outcome: Any = None

    def evaluate(self, transaction: bytes, utxo: Mapping[OutputRef, Output]) -> list[ScriptFailure]:
        resolved = set(utxo) <= set(decode_transaction(transaction).body.inputs)
        assert resolved, "outputs of the transaction, and no others"
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return list(self.outcome)


class NamesTheMaker(Devnet):
    """Says that an output was spent by the transaction that made it."""

    def outputs(self, refs: Collection[OutputRef]) -> Mapping[OutputRef, OutputStatus]:
        found = super().outputs(refs)
        return {
            ref: Spent(ref.transaction_id.hex()) if isinstance(status, Spent) else status
            for ref, status in found.items()
        }


@contextmanager
def over(kind: type[Devnet]) -> Iterator[OverDevnet[Any]]:
    with closing(kind("cardano:preprod", ManualClock(1_765_000_000.0))) as devnet:
        yield OverDevnet(devnet, devnet)


def test_a_script_that_is_said_to_succeed_is_caught() -> None:
    with over(Runs) as chain:
        chain.provider.outcome = []
        with pytest.raises(AssertionError, match="the script is an error"):
            ChainProviderContract().test_a_failing_script_is_reported(chain)


@pytest.mark.parametrize(
    "outcome", [[ScriptFailure(1, 0, "it ends in an error")], ChainUnavailable("no ledger here")]
)
def test_a_script_that_is_not_said_to_succeed_is_not_caught(outcome: object) -> None:
    with over(Runs) as chain:
        chain.provider.outcome = outcome
        ChainProviderContract().test_a_failing_script_is_reported(chain)


def test_a_spender_that_is_another_is_caught() -> None:
    with (
        over(NamesTheMaker) as chain,
        pytest.raises(AssertionError, match="another spender would end its settlement"),
    ):
        ChainProviderContract().test_a_submitted_transaction_gets_into_a_block(chain)
