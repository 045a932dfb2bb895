"""Contract tests of values: whatever a record may hold comes back as it was."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from facilitator.roles.claim import ClaimState
from facilitator.roles.storage import ReservedElsewhere, Storage
from facilitator.testing.examples import example_claim, example_reservation

TEXTS = (
    "",
    " ",
    "\0",
    "a",
    "A",
    "a ",
    "a\0",
    "a\0b",
    "a\0c",
    "\u00e4",
    "a\u0308",
    "\U0001d4b3",
    "\U0010ffff",
    "\ufeff\u200b",
    "'; -- \"%_\\",
    "\r\n\t",
    "null",
    "0",
    "7" * 5_000,
)
"""Texts that differ, though a column may cut, fold, trim or compare them as the same."""

NUMBERS = (-(2**63), -1, 0, 1, 2**31, 2**32, 2**53 + 1, 2**63 - 1)
SLOTS = (0, 1, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1)
AMOUNTS = ("0", "45000000000000000", f"{2**63}", f"{2**64}", "9" * 78)
TIMES = (0.0, 0.1 + 0.2, 1e-9, 1_765_000_000.123_456, 4_102_444_800.0, 1e15, -1.5)


class ValueContract:
    """Every value that a record's documentation allows is kept exactly."""

    def test_claims_keep_every_text(self, storage: Storage) -> None:
        """Empty ones, NUL, characters beyond the BMP, and what a column might take as the same."""
        for number, text in enumerate(TEXTS):
            claim = example_claim(
                transaction_id=f"{number:064x}",
                network=text,
                requirements=text,
                payer=text,
                owner=text,
                block=text,
                error=text,
                answer=text.encode(),
                answer_key=text,
                nonce=text,
                transaction=text.encode(),
            )
            assert storage.add_claim(claim) == claim
            changed = claim.changed(error=f"{text}{text}")
            assert storage.change_claim(changed), text
            assert storage.claim(claim.transaction_id) == changed

    def test_claims_keep_every_number(self, storage: Storage) -> None:
        """Slots are unsigned numbers of 64 bits, others signed ones; amounts are longer."""
        fields: list[Mapping[str, object]] = [
            *({"invalid_hereafter": slot, "block_slot": slot} for slot in SLOTS),
            *({"confirmations": each, "block_height": each, "depth": each} for each in NUMBERS),
            *({"amount": amount} for amount in AMOUNTS),
            *({"lease_until": each, "created_at": each, "keep_until": each} for each in TIMES),
        ]
        for number, some in enumerate(fields):
            claim = example_claim(transaction_id=f"{number:064x}", **some)
            storage.add_claim(claim)
            assert repr(storage.claim(claim.transaction_id)) == repr(claim)

    @pytest.mark.parametrize("field", ["error", "answer", "answer_key", "block", "depth"])
    def test_claims_keep_nothing_and_empty_apart(self, storage: Storage, field: str) -> None:
        """An empty answer says that the delivery is unknown, none that there was none."""
        empty = {"answer": b"", "depth": 0}.get(field, "")
        for number, value in enumerate((None, empty)):
            claim = example_claim(transaction_id=f"{number:064x}", **{field: value})
            storage.add_claim(claim)
            changed = claim.changed(state=ClaimState.SUBMITTED)
            storage.change_claim(changed)
            assert repr(storage.claim(claim.transaction_id)) == repr(changed)

    def test_a_large_transaction_is_kept(self, storage: Storage) -> None:
        """A claim has all bytes of the transaction; the ledger allows 16 KiB, a request more."""
        claim = example_claim(transaction=bytes(range(256)) * 512, answer=b"\0" * 70_000)
        storage.add_claim(claim)
        assert storage.claim(claim.transaction_id) == claim

    def test_keys_that_differ_are_apart(self, storage: Storage) -> None:
        """Neither the case nor spaces nor a NUL makes two keys the same."""
        for number, key in enumerate(TEXTS):
            assert storage.bind_key(key, f"{number}", expires_at=100.0, now=0.0) == f"{number}"
        bound = [storage.bound_to(key, now=0.0) for key in TEXTS]
        assert bound == [f"{number}" for number in range(len(TEXTS))]

    def test_values_of_keys_are_kept(self, storage: Storage) -> None:
        """An empty value is a value, and no value is like another one."""
        for number, value in enumerate(TEXTS):
            key = f"key {number}"
            assert storage.bind_key(key, value, expires_at=100.0, now=0.0) == value
            assert storage.bound_to(key, now=0.0) == value
            assert not storage.change_key(key, f"{value} ", "other", 100.0)
            assert storage.change_key(key, value, f"{value} ", 100.0)
            assert storage.bound_to(key, now=0.0) == f"{value} "

    def test_names_in_reservations_are_kept_apart(self, storage: Storage) -> None:
        """Inputs, transactions, payers and recipients are compared as they are."""
        for number, text in enumerate(TEXTS):
            one = example_reservation(f"{number} {text}", [f"{text}#0"], text, pay_to=text)
            assert storage.reserve(replace(one, is_settling=False), now=0.0, limit=1) is None
        for number, text in enumerate(TEXTS):
            rival = example_reservation("rival", [f"{text}#0"], "other", is_settling=False)
            refusal = storage.reserve(rival, now=0.0, limit=9)
            assert isinstance(refusal, ReservedElsewhere)
            assert (refusal.input, refusal.transaction_id) == (f"{text}#0", f"{number} {text}")
