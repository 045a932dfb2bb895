"""Contract tests of an outage: a provider that cannot ask says so, and nothing else."""

from collections.abc import Callable, Collection

import pytest

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.state import StateQuery
from facilitator.cardano.transaction import Credential, OutputRef
from facilitator.roles.chain import (
    EvaluatesScripts,
    ExaminesServer,
    FindsTransactions,
    ForeseesForks,
    ListsOutputs,
    NamesNetwork,
    ReadsAssets,
    ReadsLedgerState,
    Unknown,
)
from facilitator.roles.chain_errors import ChainUnavailable
from facilitator.roles.chain_spenders import FindsSpenders
from facilitator.testing.chain_under_test import NOWHERE, ChainUnderTest, CutsOff
from facilitator.testing.start import check_as_at_start


class OutageContract:
    """The part of :class:`~facilitator.testing.chain.ChainProviderContract` on outages."""

    def test_the_start_takes_the_provider(self, chain: ChainUnderTest) -> None:
        """It has every method, and each takes the arguments of the protocol by their names."""
        check_as_at_start("chain_provider", chain.provider)

    def test_a_provider_that_is_cut_off_says_so(self, chain: ChainUnderTest) -> None:
        """Each call raises ``ChainUnavailable``, never an error of its client, and never guesses.

        Parameters and eras may be remembered. An output may be ``Unknown`` instead.
        """
        if not isinstance(chain, CutsOff):
            pytest.skip("the chain under test cannot cut its provider off: define cut_off")
        provider = chain.provider
        raw, tip = chain.spend(chain.fund()), provider.tip()
        remembered = {"parameters": provider.parameters(), "eras": provider.eras()}
        refs = [OutputRef(bytes.fromhex(NOWHERE), 0), decode_transaction(raw).body.inputs[0]]
        chain.cut_off()
        for name, before in remembered.items():
            assert _outcome(getattr(provider, name)) in ("ChainUnavailable", repr(before))
        calls: dict[str, Callable[[], object]] = {
            "tip": provider.tip,
            "blocks_after": lambda: provider.blocks_after(tip.point),
            "transaction": lambda: provider.transaction(NOWHERE),
            "outputs": lambda: _known(provider.outputs(refs).values()),
            "submit": lambda: provider.submit(raw),
        }
        if isinstance(provider, ListsOutputs):
            lists: ListsOutputs = provider
            calls["outputs_at"] = lambda: lists.outputs_at(b"\x60" + b"\xab" * 28)
        if isinstance(provider, FindsTransactions):
            finds: FindsTransactions = provider
            calls["transactions"] = lambda: finds.transactions([NOWHERE])
        if isinstance(provider, ReadsAssets):
            assets: ReadsAssets = provider
            calls["asset"] = lambda: _known([assets.asset(b"\xab" * 28)])
        if isinstance(provider, FindsSpenders):
            spenders: FindsSpenders = provider
            calls["spender"] = lambda: _known([spenders.spender(refs[1])])
        if isinstance(provider, ReadsLedgerState):
            reads: ReadsLedgerState = provider
            stranger = frozenset({Credential(is_script=False, hash=b"\xab" * 28)})
            calls["ledger_state"] = lambda: reads.ledger_state(StateQuery(accounts=stranger))
        if isinstance(provider, EvaluatesScripts):
            evaluates: EvaluatesScripts = provider
            calls["evaluate"] = lambda: evaluates.evaluate(raw, {})
        if isinstance(provider, ForeseesForks):
            calls["next_protocol_version"] = provider.next_protocol_version
        if isinstance(provider, ExaminesServer):
            calls["examine"] = provider.examine
        if isinstance(provider, NamesNetwork):
            names: NamesNetwork = provider
            magic = _outcome(names.network_magic)
            assert magic == "ChainUnavailable" or magic.isdecimal()
        outcomes = {name: _outcome(call) for name, call in calls.items()}
        assert outcomes == dict.fromkeys(calls, "ChainUnavailable")


def _known(statuses: Collection[object]) -> list[object]:
    """Return the statuses that are known. Raises :class:`ChainUnavailable` if there are none."""
    found = [each for each in statuses if not isinstance(each, Unknown)]
    if not found:
        raise ChainUnavailable
    return found


def _outcome(call: Callable[[], object]) -> str:
    """Return the name of the error, or what came instead of it."""
    try:
        return repr(call())
    except ChainUnavailable as error:
        text = str(error)
        is_sentence = bool(text.strip()) and "\n" not in text
        return "ChainUnavailable" if is_sentence else f"ChainUnavailable({text!r})"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
