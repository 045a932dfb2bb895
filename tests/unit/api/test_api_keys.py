"""API keys, whatever is shown."""

import hmac
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import falcon
import falcon.testing
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facilitator.api.auth import Gate
from facilitator.api.errors import ApiError
from facilitator.settings import AuthSettings

KEYS = st.dictionaries(
    st.text("abcdefgh", min_size=1, max_size=6),
    st.text([chr(code) for code in range(0x21, 0x7F)], min_size=1, max_size=20),
    min_size=1,
    max_size=5,
)
SHOWN = st.text([chr(code) for code in range(1, 256) if code not in (10, 13)], max_size=30)


def request(headers: Mapping[str, str]) -> falcon.Request:
    environ = falcon.testing.create_environ()
    for name, value in headers.items():
        environ["HTTP_" + name.upper().replace("-", "_")] = value
    return falcon.Request(environ)


def admitted(gate: Gate, headers: Mapping[str, str]) -> Any:
    """Whom the gate lets in by these headers."""
    asked = request(headers)
    with suppress(ApiError):
        gate.admit(asked)
    return asked.context.get("caller")


@given(KEYS, st.data())
def test_each_key_lets_in_under_its_name(keys: dict[str, str], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(keys)))
    header = data.draw(
        st.sampled_from(
            [{"X-API-Key": keys[name]}, {"Authorization": f"Bearer {keys[name]}"}],
        )
    )
    caller = admitted(Gate(AuthSettings(keys), None), header)
    assert caller is not None
    assert keys[caller] == keys[name]  # two may be equal


@given(KEYS, SHOWN, st.sampled_from(["X-API-Key", "Authorization"]))
def test_nothing_else_lets_in(keys: dict[str, str], shown: str, header: str) -> None:
    token = shown.partition(" ")[2].strip() if header == "Authorization" else shown
    caller = admitted(Gate(AuthSettings(keys), None), {header: shown})
    assert caller is None or keys[caller] == token


@pytest.mark.parametrize("place", range(4))
def test_every_key_is_compared_wherever_the_right_one_stands(
    place: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[tuple[int, int]] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((len(one), len(other)))
        return one == other

    monkeypatch.setattr(hmac, "compare_digest", compare)
    keys = {str(number): "k" * (number + 1) for number in range(4)}
    assert admitted(Gate(AuthSettings(keys), None), {"X-API-Key": "k" * (place + 1)}) == str(place)
    assert compared == [(32, 32)] * 4  # digests, so that lengths tell nothing either
