"""The report: the input, its contents, and the result of every rule."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from facilitator.cardano.rules.evaluation import Evaluator
from facilitator.cardano.slots import EraSummary
from facilitator.cardano.transaction import Transaction
from facilitator.clock import Clock
from facilitator.exact.methods import TransferMethod
from facilitator.exact.terms import TermsPolicy
from facilitator.exact.verification import Verifier, in_process
from facilitator.inspection.checks import Check, overall_result
from facilitator.inspection.ledger import Facts, ledger_checks, look_up_facts
from facilitator.inspection.scheme import SchemeReport
from facilitator.inspection.snapshot import Snapshot, snapshot_of
from facilitator.inspection.transaction import describe
from facilitator.inspection.values import slot_time
from facilitator.roles.chain import ChainProvider
from facilitator.roles.refused import Refused
from facilitator.roles.scheme_chain import ScriptEvaluators
from facilitator.x402.messages import PaymentRequest, VerifyResponse
from facilitator.x402.networks import canonical_network, cardano_network

_CLIENT = "inspection"
_NOTHING_KNOWN: Mapping[Any, Any] = {}


class Inspector:
    """Inspects payments and transactions. Submits, reserves and claims nothing."""

    def __init__(
        self,
        chains: Mapping[str, ChainProvider | None],
        methods: Mapping[str, TransferMethod],
        clock: Clock,
        *,
        policy: TermsPolicy = TermsPolicy(),  # noqa: B008 -- frozen
        scripts: ScriptEvaluators = in_process,
    ) -> None:
        """Take ``chains`` by the networks served, ``None`` for a chain that is not asked.

        ``scripts`` makes the evaluator for networks whose provider has none.
        """
        self._chains = chains
        self._methods = methods
        self._clock = clock
        self._policy = policy
        self._scripts = scripts

    def payment(self, request: PaymentRequest) -> dict[str, Any]:
        """Return the report on a request of ``/verify``, with its response under ``verify``.

        The response is about the payment alone: earlier settlements and gates are not asked.
        """
        now = _FrozenClock(self._clock.time())
        chains = {network: snapshot_of(network, chain) for network, chain in self._chains.items()}
        scheme = SchemeReport(
            request,
            networks=chains,
            methods=self._methods,
            policy=self._policy,
        )
        network = canonical_network(request.requirements.network)
        chain = chains[network if network in chains else next(iter(chains))]
        verifier = Verifier(
            chains, self._methods, now, policy=self._policy, scripts=self._evaluator
        )
        report = _Report("payment", chain, now, self._evaluator)
        if scheme.transaction is not None:
            report.add(scheme.transaction, scheme.future_signers)
        checks = scheme.checks(report.slot, _latest(scheme, chain, now), report.outputs, chain)
        return report.to_json([*checks, *report.checks], verify=_verdict(verifier, request))

    def transaction(self, tx: Transaction, network: str) -> dict[str, Any]:
        """Return the report on a transaction of ``network``, which must be served."""
        report = _Report(
            "transaction",
            snapshot_of(network, self._chains[network]),
            _FrozenClock(self._clock.time()),
            self._evaluator,
        )
        report.add(tx)
        return report.to_json(report.checks)

    def _evaluator(self, eras: EraSummary, _: str) -> Evaluator:
        """Return an evaluator whose time is that of all inspections together."""
        return self._scripts(eras, _CLIENT)


class _FrozenClock:
    """A clock that stands still, so that all of a report is about the same slot."""

    def __init__(self, now: float) -> None:
        self._now = now

    def time(self) -> float:
        return self._now


class _Report:
    """A report under construction."""

    def __init__(
        self, kind: str, chain: Snapshot, now: _FrozenClock, scripts: ScriptEvaluators
    ) -> None:
        self._scripts = scripts
        self._kind = kind
        self._chain = chain
        self.slot = chain.eras().slot_at(int(now.time() * 1000))
        self.checks: list[Check] = []
        self._facts: Facts | None = None
        self._transaction: dict[str, Any] | None = None

    @property
    def outputs(self) -> Mapping[Any, Any]:
        return self._facts.outputs if self._facts else _NOTHING_KNOWN

    def add(self, tx: Transaction, future_signers: frozenset[bytes] = frozenset()) -> None:
        network_id = cardano_network(self._chain.network).network_id
        facts = look_up_facts(tx, self._chain, self.slot, network_id)
        facts = replace(facts, future_signers=future_signers)
        self._facts = facts
        self._transaction = describe(tx, facts, self._chain.eras())
        self.checks = ledger_checks(tx, facts, self._chain, self._scripts)

    def to_json(self, checks: list[Check], verify: VerifyResponse | None = None) -> dict[str, Any]:
        return {
            "input": self._kind,
            "network": self._chain.network,
            "slot": self.slot,
            "time": slot_time(self.slot, self._chain.eras()),
            "result": overall_result(checks).value,
            "verify": verify.to_json() if verify else None,
            "transaction": self._transaction,
            "checks": [check.to_json() for check in checks],
        }


def _verdict(verifier: Verifier, request: PaymentRequest) -> VerifyResponse:
    try:
        payment = verifier.parse(request)
        verifier.check_static(payment)
        return VerifyResponse(is_valid=True, payer=verifier.check_ledger(payment).payer)
    except Refused as refused:
        return VerifyResponse(
            is_valid=False, payer=refused.payer, reason=refused.reason, message=refused.message
        )


def _latest(scheme: SchemeReport, chain: Snapshot, now: _FrozenClock) -> int | None:
    if scheme.terms is None:
        return None
    return chain.eras().slot_at(int(now.time() * 1000) + scheme.terms.max_timeout_seconds * 1000)
