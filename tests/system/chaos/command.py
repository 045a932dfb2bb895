"""A run by command: its seed, its figures, and what it found."""

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from chaos.campaign import Campaign
from chaos.checker import check
from chaos.history import History
from chaos.plan import OF_STORAGE, plan


def main() -> int:
    """Run as the arguments say; the exit code, 1 when there was a violation."""
    parser = argparse.ArgumentParser(description="Look for violations of exactly-once settlement.")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("--payments", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--storage", choices=list(OF_STORAGE), default="redis")
    parser.add_argument("--replicas", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=120, help="begin nothing after that")
    given = parser.parse_args()
    print(f"seed {given.seed}, records in {given.storage}", flush=True)
    steps = plan(given.seed, payments=given.payments, kills=given.kills, storage=given.storage)
    begun = time.monotonic()
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        Campaign(
            Path(folder), given.storage, replicas=given.replicas, workers=given.workers
        ) as campaign,
    ):
        paid = campaign.carry_out(steps, begun + given.minutes * 60, _progress)
        history = campaign.end()
        verdict = check(history)
        print(f"{paid} payments in {time.monotonic() - begun:.0f} s")
        _print("upsets", campaign.counts + campaign.fleet.counts)
        _print("figures", figures_of(history))
        _print("answers", answers_of(history))
        _print("claims", Counter(history.claims.values()))
        for line in campaign.fleet.errors[:20]:
            print(f"log: {line.strip()[:300]}")
    for each in verdict.excused:
        print(f"excused: {each}")
    for each in verdict.violations:
        print(f"VIOLATION {each}")
        for line in story(history, each.transaction):
            print(f"    {line}")
    print(f"{len(verdict.violations)} violations, {len(verdict.excused)} excused", flush=True)
    return 1 if verdict.violations else 0


def _progress(payments: int) -> None:
    if payments % 1000 == 0:
        print(f"{payments} payments begun", flush=True)


def _print(name: str, counts: Counter[str]) -> None:
    print(f"{name}: {', '.join(f'{count} {what}' for what, count in counts.most_common())}")


def story(history: History, transaction: str) -> Sequence[str]:
    """What happened to a transaction, in order."""
    calls = history.calls_by_transaction.get(transaction, ())
    told = [
        (call.ended, f"asked {call.sent:.2f}, key {call.key}: {call.status} {call.answer}")
        for call in calls
    ]
    stays = [
        (stay.since, f"in block {stay.height} until {stay.until:.2f}")
        for stay in history.stays.get(transaction, ())
    ]
    return [f"{at:.2f} {what}" for at, what in sorted(told + stays)]


def figures_of(history: History) -> Counter[str]:
    told = [call for call in history.calls if call.is_success]
    return Counter(
        {
            "calls of /settle": len(history.calls),
            "lost answers": sum(call.status is None for call in history.calls),
            "transactions": len(history.calls_by_transaction),
            "told of success": len({call.transaction for call in told}),
            "told again by key": len(told) - len({call.transaction for call in told}),
            "events of the chain": len(history.chain),
            "in the chain": sum(map(history.is_in_chain, history.calls_by_transaction)),
        }
    )


def answers_of(history: History) -> Counter[str]:
    return Counter(
        "success" if call.is_success else f"{call.status} {call.reason}" for call in history.calls
    )
