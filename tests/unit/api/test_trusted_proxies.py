"""Who the client is, whatever it writes into the header that proxies add to."""

import ipaddress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facilitator.api.proxies import TrustedProxies
from facilitator.settings import ConfigInvalidError
from support.web import settings

TRUSTED = ("10.0.0.0/8", "192.0.2.7", "2001:db8:1::/48", "fd00::1")
PROXIES = st.one_of(
    st.integers(0, 2**24 - 1).map(lambda rest: str(ipaddress.IPv4Address((10 << 24) + rest))),
    st.just("192.0.2.7"),
    st.just("fd00::1"),
    st.just("2001:db8:1:2::3"),
    st.just("2001:DB8:1:0:0:0:0:3"),
    st.just("::ffff:10.1.2.3"),  # as a socket for both families shows it
)
CLIENTS = st.one_of(
    st.ip_addresses(v=4).map(str).filter(lambda ip: not ip.startswith("10.") and ip != "192.0.2.7"),
    st.ip_addresses(v=6, network="2001:db8:2::/48").map(str),
)
CLAIMS = st.lists(
    st.one_of(CLIENTS, PROXIES, st.text("0123456789abcdef.:[]% _'\"\\é\t", max_size=30)), max_size=5
)


def written(address: str, how: str) -> str:
    """As proxies write an address: alone, or with the port that it had."""
    if how == "alone":
        return address
    return f"[{address}]:443" if ":" in address else f"{address}:443"


@given(CLAIMS, CLIENTS, st.lists(PROXIES, max_size=3), PROXIES, st.sampled_from(["alone", "port"]))
def test_it_is_whom_the_last_trusted_proxy_saw(
    claims: list[str], client: str, between: list[str], peer: str, how: str
) -> None:
    hops = [*claims, *(written(each, how) for each in (client, *between))]
    assert TrustedProxies(TRUSTED).client(peer, ", ".join(hops)) == client


@given(st.lists(PROXIES, max_size=3), PROXIES)
def test_without_a_client_it_is_the_first_proxy(between: list[str], peer: str) -> None:
    first = between[0] if between else peer
    assert TrustedProxies(TRUSTED).client(peer, ",".join(between)) == first


@given(st.text(max_size=60), PROXIES)
def test_any_text_gives_some_client(forwarded_for: str, peer: str) -> None:
    client = TrustedProxies(TRUSTED).client(peer, forwarded_for)
    assert client == client.strip()
    assert client


@given(st.one_of(CLIENTS, st.sampled_from(["", "unknown", "10.0.0.1:80", "10.0.0", "0xa000001"])))
def test_nobody_else_is_trusted(peer: str) -> None:
    assert not TrustedProxies(TRUSTED).trusts(peer)
    assert not TrustedProxies(()).trusts(peer)


@pytest.mark.parametrize("wrong", ["proxy.example", "10.0.0.1/8", "10.0.0.0/33", "fe80::/129", "*"])
def test_what_is_no_address_or_network_is_refused(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(ConfigInvalidError, match=r"server\.trusted_proxies: .* no IP address"):
        settings(tmp_path, server__trusted_proxies=wrong)
