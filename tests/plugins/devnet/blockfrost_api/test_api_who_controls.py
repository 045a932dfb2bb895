"""Who controls the devnet: programs, and no web page that a browser on this machine shows."""

import http.client
import json
from collections.abc import Mapping
from urllib.parse import urlsplit

import pytest

from facilitator_devnet.blockfrost.api import BlockfrostApi
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.wallet import Wallet

TYPES = [None, "application/json", "text/plain", "application/x-www-form-urlencoded"]
PAGES = [
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://localhost:5173"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "none"},
    {"sec-fetch-site": "same-origin"},
    {"Host": "evil.example"},
    {"Host": "evil.example:3000"},
    {"Host": "localhost.evil.example"},
]
PROXIES = [
    {"X-Forwarded-For": "203.0.113.7"},
    {"Via": "1.1 x"},
    {"CF-Connecting-IP": "203.0.113.7"},
]


def faucet(api: BlockfrostApi, headers: Mapping[str, str], media_type: str | None = None) -> int:
    """The status of the answer to a request for funds."""
    body = json.dumps({"address": Wallet("payer").bech32, "lovelace": 5_000_000}).encode()
    typed = {} if media_type is None else {"Content-Type": media_type}
    return ask(api, "POST", "/devnet/faucet", {**typed, **headers}, body)


def ask(
    api: BlockfrostApi,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes | None = None,
) -> int:
    connection = http.client.HTTPConnection(urlsplit(api.url).netloc, timeout=60)
    try:
        connection.request(method, path, body, dict(headers))
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize("headers", PAGES + PROXIES)
def test_no_page_and_no_proxy(api: BlockfrostApi, devnet: Devnet, headers: dict[str, str]) -> None:
    with devnet.chain() as chain:
        before = chain.tip
    assert [faucet(api, headers, each) for each in TYPES] == [403] * len(TYPES)
    assert ask(api, "GET", "/devnet/counters", headers) == 403
    assert ask(api, "POST", "/devnet/block", headers, b"") == 403
    with devnet.chain() as chain:
        assert chain.tip == before


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:4000", "[::1]:4000", "LOCALHOST:80"])
def test_programs_of_this_machine(api: BlockfrostApi, host: str) -> None:
    assert faucet(api, {"Host": host}) == 200


def test_programs_with_any_media_type(api: BlockfrostApi) -> None:
    assert [faucet(api, {}, each) for each in TYPES] == [200] * len(TYPES)


def test_pages_may_ask_the_chain(api: BlockfrostApi) -> None:
    headers = {"Origin": "http://localhost:5173", "Sec-Fetch-Site": "same-site"}
    assert ask(api, "GET", "/blocks/latest", headers) == 200


def test_other_machines_call_an_open_devnet_by_any_name(devnet: Devnet) -> None:
    with BlockfrostApi(devnet, "0.0.0.0") as api:
        assert faucet(api, {"Host": "devnet:4000"}) == 200
        assert faucet(api, {"Host": "devnet:4000", "Origin": "http://devnet:4000"}) == 403
