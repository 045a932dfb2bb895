"""Who may read ``/metrics``."""

from collections.abc import Callable
from pathlib import Path

import pytest

from facilitator.errors import ConfigInvalidError
from facilitator.plugin.loading import configure
from facilitator.testing.running import Running
from support.web import Client

TOKEN = "a-long-random-token"
PLUGINS = {"plugins": "devnet,memory,prometheus", "server__trusted_proxies": "127.0.0.1"}
NEAR, MAPPED, FAR, FAR_6 = "10.1.2.3", "::ffff:10.1.2.3", "203.0.113.7", "2001:db8::1"


@pytest.mark.parametrize(
    ("settings", "address", "status"),
    [
        ({}, None, 200),
        ({}, FAR, 403),
        ({}, FAR_6, 403),
        ({}, "127.0.0.1", 403),  # whatever a proxy's client calls itself
        ({}, "unknown", 403),
        ({"prometheus__allow": "10.0.0.0/8"}, NEAR, 200),
        ({"prometheus__allow": "10.0.0.0/8"}, MAPPED, 200),
        ({"prometheus__allow": "10.0.0.0/8,2001:db8::/32"}, FAR_6, 200),
        ({"prometheus__allow": "10.0.0.0/8"}, FAR, 403),
        ({"prometheus__allow": "10.0.0.0/8"}, None, 200),
        ({"prometheus__token": TOKEN}, None, 200),
        ({"prometheus__token": TOKEN}, FAR, 403),
    ],
)
def test_by_address(
    run: Callable[..., Running], settings: dict[str, str], address: str | None, status: int
) -> None:
    client = Client(run(**PLUGINS, **settings).server.port)
    headers = {} if address is None else {"X_Forwarded_For": address}
    answer = client.call("GET", "/metrics", **headers)
    assert answer.status == status
    if status == 403:
        assert answer.json["error"] == "forbidden"
        assert "prometheus.allow" in answer.json["message"]


RELAYED = [{"X-Forwarded-For": FAR}, {"X-Real-IP": "127.0.0.1"}, {"Via": "1.1 x"}, {"CF-Ray": "1"}]
PAGES = [
    {"Host": "evil.example:3000"},
    {"Host": "evil.example:3000", "Origin": "http://evil.example:3000"},
    {"Origin": "http://evil.example"},
    {"Sec-Fetch-Site": "cross-site"},
]


@pytest.mark.parametrize("headers", RELAYED + PAGES)
def test_nothing_that_comes_by_way_of_this_machine(
    run: Callable[..., Running], headers: dict[str, str]
) -> None:
    settings = {"prometheus__allow": "127.0.0.0/8,203.0.113.0/24", "prometheus__token": TOKEN}
    client = Client(run(plugins="devnet,memory,prometheus", **settings).server.port)
    assert client.call("GET", "/metrics", **headers).status == 403
    shown = {**headers, "Authorization": f"Bearer {TOKEN}"}
    assert client.call("GET", "/metrics", **shown).status == 200
    assert client.call("GET", "/metrics").status == 200


def test_a_proxy_that_names_no_client_is_not_its_client(run: Callable[..., Running]) -> None:
    client = Client(run(**PLUGINS, prometheus__allow="127.0.0.0/8").server.port)
    assert client.call("GET", "/metrics", Via="1.1 proxy").status == 403


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (f"Bearer {TOKEN}", 200),
        (f"bearer  {TOKEN}", 200),
        (f"Bearer {TOKEN}x", 403),
        ("Bearer ", 403),
        (f"Basic {TOKEN}", 403),
        (TOKEN, 403),
        ("Bearer \xe9", 403),
    ],
)
def test_by_token(run: Callable[..., Running], authorization: str, status: int) -> None:
    client = Client(run(**PLUGINS, prometheus__token=TOKEN).server.port)
    answer = client.call("GET", "/metrics", X_Forwarded_For=FAR, Authorization=authorization)
    assert answer.status == status
    assert TOKEN.encode() not in answer.body


def test_an_api_key_is_no_token(run: Callable[..., Running]) -> None:
    client = Client(run(**PLUGINS, auth__api_keys='{shop = "a-key"}').server.port)
    answer = client.call("GET", "/metrics", X_Forwarded_For=FAR, Authorization="Bearer a-key")
    assert answer.status == 403


@pytest.mark.parametrize(
    ("key", "value", "complaint"),
    [
        ("ALLOW", "everybody", "everybody is not an IP address or network such as 10.0.0.0/8"),
        ("ALLOW", "10.0.0.1/8", "has host bits set"),
        ("TOKEN", "two words", "must consist of visible ASCII characters"),
    ],
)
def test_settings_that_make_no_sense(tmp_path: Path, key: str, value: str, complaint: str) -> None:
    environ = {"FACILITATOR_PLUGINS": "prometheus", f"FACILITATOR_PROMETHEUS__{key}": value}
    with pytest.raises(ConfigInvalidError, match=complaint):
        configure(environ=environ, cwd=tmp_path)
