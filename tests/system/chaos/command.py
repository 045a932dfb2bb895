"""A run by command: its seed, its figures, and what it found."""

import argparse
import json
import re
import tempfile
import time
from collections import Counter
from itertools import chain
from pathlib import Path

from chaos.campaign import Campaign
from chaos.checker import check
from chaos.history import History
from chaos.plan import UPSETS, plan
from chaos.report import report


def main() -> int:
    """Run as the arguments say; the exit code, 1 when there was a violation."""
    parser = argparse.ArgumentParser(description="Look for violations of exactly-once settlement.")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("--payments", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--storage", choices=list(UPSETS), default="redis")
    parser.add_argument("--replicas", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--apart", type=float, default=3600, help="seconds between two clocks")
    parser.add_argument("--minutes", type=float, default=120, help="begin nothing after that")
    given = parser.parse_args()
    print(f"seed {given.seed}, records in {given.storage}", flush=True)
    steps = plan(given.seed, payments=given.payments, kills=given.kills, storage=given.storage)
    begun = time.monotonic()
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        Campaign(
            Path(folder),
            given.storage,
            replicas=given.replicas,
            workers=given.workers,
            apart=given.apart,
        ) as campaign,
    ):
        paid = campaign.carry_out(steps, begun + given.minutes * 60, _progress)
        history = campaign.end()
        verdict = check(history)
        print(f"{paid} payments in {time.monotonic() - begun:.0f} s")
        _print("upsets", campaign.counts + campaign.fleet.counts)
        _print("figures", figures_of(history))
        _print("answers", answers_of(history))
        _print("claims", Counter(chain.from_iterable(history.claims.values())))
        _print("logged", Counter(map(_message, campaign.fleet.errors)))
    for loss in history.losses:
        print(f"lost: {loss.why}")
    for each in verdict.excused:
        print(f"excused: {each}")
    for line in report(history, verdict.violations):
        print(line)
    print(f"{len(verdict.violations)} violations, {len(verdict.excused)} excused", flush=True)
    return 1 if verdict.violations else 0


def _progress(payments: int) -> None:
    if payments % 1000 == 0:
        print(f"{payments} payments begun", flush=True)


def _message(line: str) -> str:
    """What a line of the log says, without the names in it."""
    try:
        text = json.loads(line)["msg"]
    except (ValueError, KeyError):
        text = line.strip()
    return re.sub(r"[0-9a-f]{64}|\d+", "…", text)[:150]


def _print(name: str, counts: Counter[str]) -> None:
    print(f"{name}: {', '.join(f'{count} {what}' for what, count in counts.most_common())}")


def figures_of(history: History) -> Counter[str]:
    successes = [call for call in history.calls if call.is_success]
    return Counter(
        {
            "calls of /settle": len(history.calls),
            "calls of /verify": len(history.verdicts),
            "lost answers": sum(call.status is None for call in history.calls),
            "transactions": len(history.calls_by_transaction),
            "successes": len({call.transaction for call in successes}),
            "repeated by key": len(successes) - len({call.transaction for call in successes}),
            "events of the chain": len(history.chain),
            "in the chain": sum(map(history.is_in_chain, history.calls_by_transaction)),
        }
    )


def answers_of(history: History) -> Counter[str]:
    return Counter(
        "success" if call.is_success else f"{call.status} {call.reason}" for call in history.calls
    )
