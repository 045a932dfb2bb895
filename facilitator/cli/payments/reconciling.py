"""The command ``facilitator payments reconcile``."""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from facilitator.cli.output import add_json_option, print_json
from facilitator.cli.payments.chain_questions import Calls, Questions
from facilitator.cli.payments.filters import add_time_options, parse_count, parse_network
from facilitator.cli.payments.findings import Finding, NotKnown
from facilitator.cli.payments.opening import Opened, open_ledger
from facilitator.cli.payments.reconciliation import Reconciliation
from facilitator.cli.payments.totalling import SETTLED
from facilitator.errors import FacilitatorError
from facilitator.observability.wrapping import fitted
from facilitator.roles.chain import ListsOutputs
from facilitator.roles.payment_json import iso_time
from facilitator.roles.payment_ledger import PaymentQuery
from facilitator.runtime.chains import as_one, open_chain_providers

DEFAULT_CALLS = 1_000
_DAY_SECONDS = 86_400


class NotServed(FacilitatorError):
    """The settings serve no such network, so that no provider knows its chain."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the filters, ``--calls`` and ``--json``."""
    parser.description = (
        "Compare each settled payment with the chain as it is now: is it in a block, as deep as "
        "promised, and does it pay the recipient? Where the chain provider lists outputs, look for "
        "outputs at the recipients' addresses that have no record. Exits with 1 when something is "
        "found, or the chain cannot be asked. What cannot be known is no finding."
    )
    add_time_options(parser)
    parser.add_argument("--pay-to", metavar="ADDRESS", help="paid to this address")
    parser.add_argument("--network", type=parse_network, metavar="ID", help="on this network")
    parser.add_argument(
        "--calls", type=parse_count, default=DEFAULT_CALLS, metavar="N",
        help=f"ask the chain at most so many times (default: {DEFAULT_CALLS})",
    )  # fmt: skip
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print what was found; return the exit code. Raises :class:`FacilitatorError`."""
    calls = Calls(arguments.calls)
    findings: list[Finding] = []
    unknown: list[NotKnown] = []
    with open_ledger(arguments.settings) as opened:
        plan = list(_plan(arguments, opened, calls))
        announced = fitted(announce(plan, calls.allowed), sys.stderr)
        print(announced, file=sys.stderr, flush=True)
        for each in plan:
            for verdict in each.run():
                if isinstance(verdict, Finding):
                    findings.append(verdict)
                else:
                    unknown.append(verdict)
                if not arguments.json:
                    print(fitted(render_verdict(verdict), sys.stdout), flush=True)
    notes = [note for each in plan for note in notes_of(each)]
    if arguments.json:
        print_json(_report(plan, findings, unknown, calls, notes))
    else:
        lines = "\n".join([*notes, summary(plan, findings, unknown, calls)])
        print(fitted(lines, sys.stdout))
    return 1 if findings or any(each.progress.has_failed for each in plan) else 0


def _plan(arguments: argparse.Namespace, opened: Opened, calls: Calls) -> Iterator[Reconciliation]:
    served = opened.context.settings.networks
    networks = [arguments.network] if arguments.network else served
    since = arguments.since
    if since is None:
        since = opened.context.clock.time() - _DAY_SECONDS
    for network in networks:
        if network not in served:
            raise NotServed(f"{network} is not served: see the setting network")
        query = PaymentQuery(
            states=SETTLED,
            network=network,
            pay_to=arguments.pay_to,
            since=since,
            until=arguments.until,
        )
        questions = _questions(opened, network, calls)
        yield Reconciliation(opened.ledger, opened.storage, questions, query)


def _questions(opened: Opened, network: str, calls: Calls) -> Questions:
    providers = open_chain_providers(opened.plugins, opened.context, network, opened.parts)
    first = providers[0][1]
    return Questions(as_one(providers), first if isinstance(first, ListsOutputs) else None, calls)


def announce(plan: Sequence[Reconciliation], allowed: int) -> str:
    """Return in words how many calls the plan takes, before it starts."""
    payments = sum(each.payments for each in plan)
    expected = sum(each.expected_calls for each in plan)
    words = (
        f"settled payments to compare: {payments}, by about {expected} calls to the chain, and one"
        f" or two more for each that does not fit; {allowed} are allowed"
    )
    if expected > allowed:
        words += ", so some will be left: allow more by --calls"
    return words


def render_verdict(verdict: Finding | NotKnown) -> str:
    """Return the verdict as lines, with what to do below a finding."""
    if isinstance(verdict, NotKnown):
        return f"unknown: {verdict.transaction_id}\n    {verdict.why}"
    return (
        f"{verdict.kind}: {verdict.transaction_id}\n    {verdict.detail}\n    -> {verdict.remedy}"
    )


def notes_of(reconciliation: Reconciliation) -> list[str]:
    """Return what was not looked at, and how to go on."""
    progress = reconciliation.progress
    left = reconciliation.payments - progress.checked
    notes = [f"note: {each}" for each in progress.problems]
    if left > 0:
        until = progress.next_until
        on = f": go on with --until {iso_time(until)}" if until is not None else ""
        notes.append(f"note: {left} payments were not compared{on}")
    if progress.recipients_left:
        notes.append(
            f"note: the outputs of {progress.recipients_left} recipients were not looked at"
        )
    if progress.amounts_not_known:
        notes.append(
            f"note: what {progress.amounts_not_known} payments paid is not shown any more: their"
            " claims are gone, and their outputs were spent or are not among the newest listed"
        )
    return notes


def summary(
    plan: Sequence[Reconciliation],
    findings: Sequence[Finding],
    unknown: Sequence[NotKnown],
    calls: Calls,
) -> str:
    """Return the last line."""
    checked = sum(each.progress.checked for each in plan)
    return (
        f"compared: {checked}, by {calls.made} calls; findings: {len(findings)};"
        f" unknown: {len(unknown)}"
    )


def _report(
    plan: Sequence[Reconciliation],
    findings: Sequence[Finding],
    unknown: Sequence[NotKnown],
    calls: Calls,
    notes: Sequence[str],
) -> Mapping[str, Any]:
    return {
        "compared": sum(each.progress.checked for each in plan),
        "calls": calls.made,
        "findings": [
            {"kind": str(each.kind), "network": each.network, "transaction": each.transaction_id,
             "detail": each.detail, "remedy": each.remedy}
            for each in findings
        ],
        "unknown": [
            {"network": each.network, "transaction": each.transaction_id, "why": each.why}
            for each in unknown
        ],
        "notes": list(notes),
    }  # fmt: skip
