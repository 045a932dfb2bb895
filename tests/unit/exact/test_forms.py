"""A payment is the same payment in whatever form its wallet writes it."""

from collections.abc import Iterator
from contextlib import closing
from hashlib import blake2b
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from facilitator.testing.payments import BOB, MERCHANT, genesis_utxos, request_body, requirements
from facilitator.testing.running import Running
from facilitator_devnet.genesis import TEST_TOKEN
from support.cbor_forms import AsSet, RandomForm, Raw, Tagged, encode

FEE = 1_000_000
"""Lovelace: enough for the longest of forms."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder: Path = tmp_path_factory.mktemp("forms")
    settings = {"FACILITATOR_RESERVATION__TTL_SECONDS": "0"}
    with closing(Running(folder, settings=settings)) as started:
        yield started


def in_some_form(ttl: int, random: Random) -> bytes:
    """A payment of 2 ada with 5 tokens, signed over the very bytes that its body has."""
    form = RandomForm(random)
    ref, spent = next((r, o) for r, o in genesis_utxos(BOB).items() if o.value.assets)
    policy, name = TEST_TOKEN[:28], TEST_TOKEN[28:]
    change = [
        spent.value.lovelace - 2_000_000 - FEE,
        {policy: {name: spent.value.assets[TEST_TOKEN] - 5}},
    ]
    auxiliary = encode(
        random.choice([{674: ["note"]}, [{674: {1: b""}}, []], Tagged(259, {0: {}}), None]), form
    )
    fields: dict[int, Any] = {
        0: AsSet([list(ref)]),
        1: [
            _output(MERCHANT.address, [2_000_000, {policy: {name: 5}}], random),
            _output(BOB.address, change, random),
        ],
        2: FEE,
        3: ttl,
    }
    if auxiliary != b"\xf6":
        fields[7] = blake2b(auxiliary, digest_size=32).digest()
    body = encode(fields, form)
    signature = BOB.payment_key.sign(blake2b(body, digest_size=32).digest()).signature
    witnesses = {0: AsSet([[bytes(BOB.payment_key.verify_key), signature]])}
    return encode([Raw(body), witnesses, True, Raw(auxiliary)], form)


def _output(address: bytes, value: object, random: Random) -> object:
    return random.choice([[address, value], {0: address, 1: value}])


@hypothesis_settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**64 - 1), is_token=st.booleans())
def test_a_payment_is_valid_in_every_form(running: Running, seed: int, is_token: bool) -> None:
    raw = in_some_form(running.slot + 300, Random(seed))
    terms = requirements(amount=5, asset=TEST_TOKEN) if is_token else requirements()
    assert running.verify(request_body(raw, terms)) == {"isValid": True, "payer": BOB.bech32}
