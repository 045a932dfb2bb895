"""The devnet as a Koios: PostgREST's operators, limits, controls, and where it is served."""

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from facilitator.plugin import PluginError
from facilitator.plugin.loading import configure
from facilitator.runtime.composition import build_facilitator
from facilitator.testing.clock import ManualClock
from facilitator_devnet.blockfrost.serving import CannotListenError, serve_koios
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.koios.api import BODY_BYTES, ROOT, KoiosApi

NETWORK = "cardano:preprod"


@pytest.fixture
def api() -> Iterator[KoiosApi]:
    with closing(Devnet(NETWORK, ManualClock(1.79e9))) as devnet, KoiosApi(devnet) as api:
        for _ in range(3):
            devnet.produce_block()
        yield api


def ask(api: KoiosApi, path: str, body: Any = None, content_type: str = "application/json") -> Any:
    """Return the status and the JSON of an answer."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Content-Type": content_type}
    request = urllib.request.Request(f"{api.url}{path}", data, headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_rows_are_filtered_ordered_and_cut(api: KoiosApi) -> None:
    query = (
        "block_height=gte.1&order=block_height.asc&limit=2&offset=1&select=block_height,tx_count"
    )
    status, found = ask(api, f"{ROOT}/blocks?{query}")
    assert status == 200
    assert found == [{"block_height": 2, "tx_count": 0}, {"block_height": 3, "tx_count": 0}]
    assert [row["block_height"] for row in ask(api, f"{ROOT}/blocks?tx_count=gt.0")[1]] == [0]
    newest = ask(api, f"{ROOT}/tip")[1][0]["hash"]
    assert len(ask(api, f"{ROOT}/blocks?hash=eq.{newest}")[1]) == 1


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/blocks?tx_count=like.0", None, 400),
        ("/blocks?nothing=eq.0", None, 400),
        ("/blocks?limit=-1", None, 400),
        ("/tx_cbor", {"_tx_hashes": "text"}, 400),
        ("/tx_cbor", b"no JSON", 400),
        ("/utxo_info", {"_utxo_refs": [f"{'ab' * 32}#40000"]}, 400),
        ("/utxo_info", {"_utxo_refs": ["x" * BODY_BYTES]}, 413),
        ("/submittx", b"no transaction", 415),
        ("/nothing", None, 404),
    ],
)
def test_what_cannot_be_answered_is_an_error(
    api: KoiosApi, path: str, body: Any, status: int
) -> None:
    assert ask(api, f"{ROOT}{path}", body)[0] == status


def test_it_is_controlled_like_the_other_face(api: KoiosApi) -> None:
    assert ask(api, "/devnet/block", {})[1]["height"] == 4
    fault = {"kind": "answer", "status": 429, "endpoint": "GET /tip", "times": 1}
    assert ask(api, "/devnet/faults", fault)[0] == 200
    assert [ask(api, f"{ROOT}/tip")[0] for _ in range(2)] == [429, 200]
    assert ask(api, "/devnet/counters")[1]["by_endpoint"] == {"GET /tip": 2}
    assert ask(api, "/devnet/faults", {"kind": "cut_after", "endpoint": "GET /txs"})[0] == 400
    assert ask(api, "/devnet/dress", {"name": "ryo"})[0] == 400


def test_an_unknown_method_of_ogmios_is_refused(api: KoiosApi) -> None:
    status, answer = ask(api, f"{ROOT}/ogmios", {"method": "queryLedgerState/utxo"})
    assert (status, answer["error"]["code"]) == (400, -32_601)


def test_a_facilitator_serves_it_where_settings_say(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    environ = {
        "FACILITATOR_PLUGINS": "devnet,memory",
        "FACILITATOR_DEVNET__LISTEN_KOIOS": "127.0.0.1:0",
        "FACILITATOR_DEVNET__BLOCK_SECONDS": "0",
    }
    facilitator = build_facilitator(*configure(environ=environ, cwd=tmp_path), ManualClock(1.79e9))
    facilitator.start()
    try:
        (url,) = re.findall(r"is a Koios API at (\S+)", caplog.text)
        with urllib.request.urlopen(f"{url}/tip", timeout=60) as answer:
            assert answer.status == 200
    finally:
        facilitator.close()


def test_networks_cannot_share_a_port(tmp_path: Path) -> None:
    environ = {
        "FACILITATOR_PLUGINS": "devnet,memory",
        "FACILITATOR_NETWORK": "cardano:preprod,cardano:preview",
        "FACILITATOR_DEVNET__LISTEN_KOIOS": "127.0.0.1:3999",
    }
    facilitator = build_facilitator(*configure(environ=environ, cwd=tmp_path), ManualClock(1.79e9))
    with closing(facilitator), pytest.raises(PluginError, match=r"devnet.listen_koios must end"):
        facilitator.start()


def test_an_address_that_is_none_is_refused() -> None:
    with closing(Devnet(NETWORK, ManualClock(1.79e9))) as devnet:
        with pytest.raises(CannotListenError, match="must be host:port"):
            serve_koios(devnet, "nowhere")
        url = serve_koios(devnet, "127.0.0.1:0").url
        with urllib.request.urlopen(f"{url}{ROOT}/tip", timeout=60) as answer:
            assert answer.status == 200
