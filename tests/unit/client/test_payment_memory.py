"""What a wallet remembers of its payments on a devnet whose chain it does not see."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from facilitator.cardano.transaction import OutputRef
from facilitator.client.memory import PaymentMemory, memory_path
from facilitator.client.signer import Signer
from facilitator.roles.chain import Spent, Unspent
from facilitator.testing.clock import ManualClock
from facilitator.testing.payments import ALICE, MERCHANT, requirements
from facilitator.testing.running import NETWORK, NOW
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.genesis import TEST_TOKEN

ADA = 1_000_000


@dataclass
class Payer:
    """``facilitator pay`` again and again: each time with a devnet at its genesis."""

    path: Path
    server: Devnet
    refusals: int = 0

    def pay(self, **terms: Any) -> None:
        """Pay once, with another input while the server's devnet calls one spent."""
        with closing(Devnet(NETWORK, ManualClock(NOW))) as genesis:
            memory = PaymentMemory(self.path, NETWORK, ALICE.address, genesis)
            signer = Signer(NETWORK, ALICE, memory, ManualClock(NOW))
            excluded: frozenset[OutputRef] = frozenset()
            while True:
                signed = signer.sign(requirements(**terms), excluded=excluded)
                found = self.server.outputs(signed.inputs).values()
                if all(isinstance(status, Unspent) for status in found):
                    break
                self.refusals += 1
                memory.refused(signed.inputs)
                excluded |= signed.inputs
            self.server.submit(signed.transaction)
            self.server.produce_block()
            memory.paid(signed)


@pytest.fixture
def server() -> Iterator[Devnet]:
    with closing(Devnet(NETWORK, ManualClock(NOW))) as devnet:
        yield devnet


@pytest.mark.once
def test_fifty_payments_in_a_row(server: Devnet, tmp_path: Path) -> None:
    payer = Payer(tmp_path / "state" / "paid.json", server)
    before = len(server.outputs_at(MERCHANT.address))
    for _ in range(50):
        payer.pay(amount=2 * ADA)
    assert payer.refusals == 0
    assert len(server.outputs_at(MERCHANT.address)) == before + 50
    kept = payer.path.read_text()
    assert len(kept) < 10_000, "what was spent since is not kept"


def test_tokens_come_back_too(server: Devnet, tmp_path: Path) -> None:
    payer = Payer(tmp_path / "paid.json", server)
    for tokens in (600, 600, 600, 300, 300, 300):
        payer.pay(amount=tokens * ADA, asset=TEST_TOKEN)
    assert payer.refusals == 0
    paid = server.outputs_at(MERCHANT.address).values()
    assert sum(out.value.assets.get(TEST_TOKEN, 0) for out in paid) == (3_000 + 2_700) * ADA


def test_a_devnet_that_began_anew(server: Devnet, tmp_path: Path) -> None:
    payer = Payer(tmp_path / "paid.json", server)
    for _ in range(8):
        payer.pay(amount=2 * ADA)
    server.reset()
    for _ in range(8):
        payer.pay(amount=2 * ADA)
    assert payer.refusals == 1
    assert len(server.outputs_at(MERCHANT.address)) == 8 + 8


def test_what_others_spent_is_remembered(server: Devnet, tmp_path: Path) -> None:
    other = Payer(tmp_path / "others.json", server)
    for _ in range(3):
        other.pay(amount=2 * ADA)
    payer = Payer(tmp_path / "paid.json", server)
    for _ in range(9):
        payer.pay(amount=2 * ADA)
    assert payer.refusals == 3


def test_the_status_of_outputs(server: Devnet, tmp_path: Path) -> None:
    payer = Payer(tmp_path / "paid.json", server)
    payer.pay(amount=2 * ADA)
    with closing(Devnet(NETWORK, ManualClock(NOW))) as genesis:
        memory = PaymentMemory(payer.path, NETWORK, ALICE.address, genesis)
        (change,) = set(memory.outputs_at(ALICE.address)) - set(genesis.outputs_at(ALICE.address))
        unknown = OutputRef(b"\1" * 32, 0)
        found = memory.outputs([change, unknown])
        assert found[change] == server.outputs([change])[change]
        assert isinstance(found[unknown], Spent)
        others = PaymentMemory(payer.path, "cardano:preview", ALICE.address, genesis)
        assert change not in others.outputs_at(ALICE.address)


REF = f"{'ab' * 32}#0"


@pytest.mark.parametrize(
    "kept",
    [
        "",
        "[]",
        "{",
        "null",
        json.dumps({f"{NETWORK} {ALICE.address.hex()}": {"spent": [], "created": {REF: "84"}}}),
        json.dumps({f"{NETWORK} {ALICE.address.hex()}": {"spent": 3, "created": {}}}),
        json.dumps({f"{NETWORK} {ALICE.address.hex()}": []}),
    ],
)
def test_a_broken_file_is_no_memory(server: Devnet, tmp_path: Path, kept: str) -> None:
    path = tmp_path / "paid.json"
    path.write_text(kept)
    Payer(path, server).pay(amount=2 * ADA)
    assert len(json.loads(path.read_text())) == 1


def test_where_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert memory_path() == tmp_path / "facilitator" / "devnet-payments.json"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert memory_path() == tmp_path / ".local/state/facilitator/devnet-payments.json"
