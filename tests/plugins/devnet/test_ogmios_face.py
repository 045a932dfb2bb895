"""The devnet as an Ogmios: the protocol beyond what the plugin asks, faults, and where it is."""

import json
import re
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect

from facilitator.plugin import PluginError
from facilitator.plugin.loading import configure
from facilitator.runtime.composition import build_facilitator
from facilitator.testing.clock import ManualClock
from facilitator.testing.payments import ALICE
from facilitator_devnet.blockfrost.serving import CannotListenError, serve_ogmios
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.ogmios.api import LOST, OgmiosApi
from facilitator_ogmios.connection import Broken, Connection, Target

NETWORK = "cardano:preprod"
NOWHERE = "ab" * 32

Ask = Callable[..., Any]


@pytest.fixture
def api() -> Iterator[OgmiosApi]:
    with closing(Devnet(NETWORK, ManualClock(1.79e9))) as devnet, OgmiosApi(devnet) as api:
        for _ in range(3):
            devnet.produce_block()
        yield api


@pytest.fixture
def ask(api: OgmiosApi) -> Iterator[Ask]:
    with closing(connected(api)) as connection:

        def ask(method: str, **params: object) -> Any:
            answer = connection.ask(method, params, 60)
            return answer.get("result", answer.get("error"))

        yield ask


def connected(api: OgmiosApi) -> Connection:
    return Connection(Target(api.url, {}, 2**24))


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=60) as answer:
        return json.load(answer)


def test_a_point_that_is_gone_is_gone_back_from(api: OgmiosApi, ask: Ask) -> None:
    tip = ask("queryNetwork/tip")
    assert ask("findIntersection", points=[tip])["intersection"] == tip
    assert ask("nextBlock")["point"] == tip
    api.devnet.rollback(2)
    api.devnet.produce_block()
    back = ask("nextBlock")
    assert (back["direction"], back["tip"]["height"]) == ("backward", 2)
    with api.devnet.chain() as chain:
        ids = [made.block.point.block for made in chain.blocks]
    assert back["point"]["id"] == ids[1]
    assert ask("nextBlock")["block"]["id"] == ids[2]


def test_outputs_are_found_by_address(ask: Ask) -> None:
    found = ask("queryLedgerState/utxo", addresses=[ALICE.bech32])
    assert len(found) == 8
    assert {each["address"] for each in found} == {ALICE.bech32}


def test_an_acquired_state_expires_with_its_block(api: OgmiosApi, ask: Ask) -> None:
    tip = ask("queryNetwork/tip")
    assert ask("acquireLedgerState", point=tip)["point"] == tip
    assert ask("queryLedgerState/utxo", outputReferences=[]) == []
    api.devnet.rollback(1)
    assert ask("queryLedgerState/utxo", outputReferences=[])["code"] == 2003
    assert ask("acquireLedgerState", point=tip)["code"] == 2000
    assert ask("releaseLedgerState") == {"released": "ledgerState"}
    assert ask("queryLedgerState/utxo", outputReferences=[]) == []


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("nothing", {}, -32_600),
        ("queryLedgerState/utxo", {"outputReferences": [{"index": 0}]}, -32_602),
        ("submitTransaction", {"transaction": {"cbor": "84"}}, -32_602),
        ("findIntersection", {"points": [{"slot": 1, "id": NOWHERE}]}, 1000),
        ("acquireLedgerState", {"point": "origin"}, 2000),
        ("hasTransaction", {"id": NOWHERE}, 4000),
        ("queryLedgerState/stakePools", {"stakePools": [{}]}, -32_603),
    ],
)
def test_what_cannot_be_answered_is_an_error(
    ask: Ask, method: str, params: dict[str, object], code: int
) -> None:
    assert ask(method, **params)["code"] == code


def test_what_is_no_json_rpc_is_said_to_be_none(api: OgmiosApi) -> None:
    with connect(api.url, proxy=None) as connection:
        for text in ("no JSON", "[]", "{}"):
            connection.send(text)
            assert json.loads(connection.recv(60))["error"]["code"] == -32_600


def test_requests_are_counted_and_spoilt(api: OgmiosApi, ask: Ask) -> None:
    api.faults.refuse("no", "queryNetwork/tip", times=1)
    assert ask("queryNetwork/tip") == {"code": -32_603, "message": "no"}
    api.faults.refuse('{"error": {"code": 7, "message": "no"}}', "queryNetwork/tip", times=1)
    assert ask("queryNetwork/tip") == {"code": 7, "message": "no"}
    api.faults.answer(503, "queryNetwork/tip", times=1)
    with pytest.raises(Broken, match=LOST):
        ask("queryNetwork/tip")
    assert api.counts()["by_endpoint"] == {"queryNetwork/tip": 3}
    assert get(f"http{api.url.removeprefix('ws')}/devnet/counters")["total"] == 3


@pytest.mark.parametrize("kind", ["cut_before", "cut_after", "truncate"])
def test_a_connection_is_cut(api: OgmiosApi, ask: Ask, kind: str) -> None:
    getattr(api.faults, kind)("queryNetwork/tip")
    with pytest.raises(Broken):
        ask("queryNetwork/tip")


def test_the_health_shows_version_and_tip(api: OgmiosApi) -> None:
    health = get(f"http{api.url.removeprefix('ws')}/health")
    assert health["version"] == "v6.14.0"
    assert health["lastKnownTip"]["height"] == 3


def test_closing_ends_what_waits_for_a_block(api: OgmiosApi) -> None:
    with closing(connected(api)) as connection:
        connection.ask("findIntersection", {"points": ["origin"]}, 60)
        for _ in range(6):
            connection.send("nextBlock", {})
        for _ in range(5):
            connection.receive(60)
        api.lose_node()
        with pytest.raises(Broken, match=LOST):
            connection.receive(60)


def test_a_facilitator_serves_it_where_settings_say(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    environ = {
        "FACILITATOR_PLUGINS": "devnet,memory",
        "FACILITATOR_DEVNET__LISTEN_OGMIOS": "127.0.0.1:0",
        "FACILITATOR_DEVNET__BLOCK_SECONDS": "0",
    }
    facilitator = build_facilitator(*configure(environ=environ, cwd=tmp_path), ManualClock(1.79e9))
    facilitator.start()
    try:
        (port,) = re.findall(r"is an Ogmios at ws://127.0.0.1:(\d+)", caplog.text)
        assert get(f"http://127.0.0.1:{port}/health")["network"] == "preprod"
    finally:
        facilitator.close()


def test_networks_cannot_share_a_port(tmp_path: Path) -> None:
    environ = {
        "FACILITATOR_PLUGINS": "devnet,memory",
        "FACILITATOR_NETWORK": "cardano:preprod,cardano:preview",
        "FACILITATOR_DEVNET__LISTEN_OGMIOS": "127.0.0.1:1337",
    }
    facilitator = build_facilitator(*configure(environ=environ, cwd=tmp_path), ManualClock(1.79e9))
    with closing(facilitator), pytest.raises(PluginError, match=r"devnet.listen_ogmios must end"):
        facilitator.start()


def test_without_its_library_it_cannot_be_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "facilitator_devnet.ogmios.api", None)
    with (
        closing(Devnet(NETWORK, ManualClock(1.79e9))) as devnet,
        pytest.raises(CannotListenError, match="without the extra ogmios"),
    ):
        serve_ogmios(devnet, "127.0.0.1:0")
