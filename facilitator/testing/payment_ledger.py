"""Contract tests of a payment ledger, of a storage that records payments, and of an outbox.

Subclass :class:`PaymentLedgerContract` in a test module and give it the fixture ``open_ledger``, a
function that opens the same ledger, empty at first, each time it is called.

A storage that keeps a ledger of its own runs :class:`RecordsPaymentsContract`, and one that keeps
an outbox :class:`KeepsOutboxContract`, both with the fixture ``open_storage`` of
:class:`~facilitator.testing.storage.StorageContract`.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import cast

import pytest

from facilitator.roles.claim import Claim, ClaimState, Delivery
from facilitator.roles.payment_ledger import (
    EVERY_PAYMENT,
    Cursor,
    KeepsOutbox,
    PaymentLedger,
    PaymentQuery,
    Place,
    RecordsPayments,
    RefusalCount,
    Total,
    TotalBy,
)
from facilitator.roles.payment_record import PaymentDetails, PaymentEvent, PaymentRecord
from facilitator.roles.storage import HoldsWithClaim, Storage
from facilitator.testing.examples import example_claim, example_reservation
from facilitator.testing.threads import together

DAY = 86_400.0
NOON = 20_000 * DAY + DAY / 2
"""Unix seconds of noon in UTC, 2024-10-04."""
DETAILS = PaymentDetails(
    pay_to="addr_test1shop",
    asset="lovelace",
    method="default",
    fee=170_000,
    resource="https://shop.example/report?page=1",
    caller="shop",
    client="shop",
    identifier="pay_0123456789abcdef",
    terms={"maxTimeoutSeconds": 120, "extra": {"memo": "ü\\ \0"}},
    request_id="4f1c",
)


def submitted(
    number: int = 1, at: float = NOON, amount: str = "2000000", details: PaymentDetails = DETAILS
) -> Claim:
    """Return the claim on the transaction of this number as it is announced at this time."""
    return replace(
        example_claim(),
        transaction_id=f"{number:064x}",
        state=ClaimState.SUBMITTED,
        payer="addr_test1payer",
        amount=amount,
        created_at=at,
        updated_at=at,
        details=details.encode(),
        version=1,
        nonce=f"submitted {number}",
    )


def settled(claim: Claim) -> Claim:
    """Return the claim in a block, as deep as promised, 40 s later."""
    return claim.changed(
        state=ClaimState.SETTLED,
        accepted=True,
        block="b" * 64,
        block_slot=2**64 - 2,
        block_height=7,
        depth=3,
        updated_at=claim.updated_at + 40,
    )


def delivered(claim: Claim) -> Claim:
    """Return the claim as its success is delivered, a second later."""
    return claim.changed(
        answer=b"{}",
        answer_key="k",
        delivered_to="192.0.2.7",
        delivery_request="9a2b",
        updated_at=claim.updated_at + 1,
    )


def known(payment: PaymentRecord | None) -> PaymentRecord:
    """Return the payment, which must be there."""
    assert payment is not None
    return payment


class PaymentLedgerContract:
    """All promises of :class:`~facilitator.roles.payment_ledger.PaymentLedger`."""

    @pytest.fixture
    def open_ledger(self) -> Callable[[], PaymentLedger]:
        """Return a function that opens the ledger under test; a subclass defines it."""
        raise NotImplementedError("define the fixture open_ledger")

    @pytest.fixture
    def ledger(self, open_ledger: Callable[[], PaymentLedger]) -> Iterator[PaymentLedger]:
        """Yield the ledger under test, and close it afterwards."""
        ledger = open_ledger()
        yield ledger
        ledger.close()

    def test_a_payment_is_what_its_claim_says(self, ledger: PaymentLedger) -> None:
        """Every field is kept exactly, and what is not known yet is ``None``."""
        claim = submitted()
        ledger.record([claim])
        assert ledger.payment(claim.transaction_id) == PaymentRecord(
            transaction_id=claim.transaction_id,
            network=claim.network,
            scheme=claim.scheme,
            method="default",
            payer="addr_test1payer",
            pay_to="addr_test1shop",
            asset="lovelace",
            amount="2000000",
            fee=170_000,
            resource="https://shop.example/report?page=1",
            caller="shop",
            client="shop",
            identifier="pay_0123456789abcdef",
            terms=DETAILS.terms,
            request_id="4f1c",
            state=ClaimState.SUBMITTED,
            confirmations=claim.confirmations,
            created_at=NOON,
            updated_at=NOON,
            settled_at=None,
            block=None,
            block_slot=None,
            block_height=None,
            depth=None,
            error=claim.error,
            delivery=Delivery.NONE,
            delivered_at=None,
            delivered_to="",
            is_erased=False,
        )
        assert ledger.payment("f" * 64) is None

    def test_a_payment_follows_its_events(self, ledger: PaymentLedger) -> None:
        """The newest state is the payment's; each earlier one is an event."""
        first = submitted()
        deep = settled(first)
        last = delivered(deep)
        for claim in (first, deep, last):
            ledger.record([claim])
        payment = known(ledger.payment(first.transaction_id))
        assert (payment.state, payment.settled_at, payment.depth) == (last.state, NOON + 40, 3)
        assert (payment.delivery, payment.delivered_at) == (Delivery.DELIVERED, NOON + 41)
        assert (payment.delivered_to, payment.block_slot) == ("192.0.2.7", 2**64 - 2)
        events = ledger.events(first.transaction_id)
        assert [each.state for each in events] == [first.state, deep.state, last.state]
        assert events[-1] == PaymentEvent(
            number=events[-1].number,
            transaction_id=first.transaction_id,
            version=3,
            at=NOON + 41,
            state=ClaimState.SETTLED,
            accepted=True,
            block="b" * 64,
            block_slot=2**64 - 2,
            block_height=7,
            depth=3,
            error=last.error,
            delivery=Delivery.DELIVERED,
            delivered_to="192.0.2.7",
            delivery_request="9a2b",
        )

    def test_what_is_taken_back_is_taken_back(self, ledger: PaymentLedger) -> None:
        """A rollback leaves no block, and a delivery that did not arrive leaves no receiver."""
        claim = delivered(settled(submitted()))
        back = claim.changed(
            state=ClaimState.SUBMITTED,
            block=None,
            block_slot=None,
            block_height=None,
            depth=None,
            answer=None,
            answer_key=None,
            delivered_to="",
            delivery_request="",
        )
        ledger.record([claim, back])
        payment = known(ledger.payment(claim.transaction_id))
        assert (payment.settled_at, payment.block, payment.delivered_at) == (None, None, None)
        assert (payment.delivery, payment.delivered_to) == (Delivery.NONE, "")
        assert len(ledger.events(claim.transaction_id)) == 2

    def test_what_was_recorded_before_is_left_out(self, ledger: PaymentLedger) -> None:
        """A repeat, even an old one, changes nothing. Another change of the same version counts."""
        first = submitted()
        last = settled(first)
        ledger.record([first, last])
        before = ledger.events(first.transaction_id)
        ledger.record([last, first])
        assert ledger.events(first.transaction_id) == before
        assert known(ledger.payment(first.transaction_id)).state is ClaimState.SETTLED
        ledger.record([replace(last, nonce="another", state=ClaimState.EXPIRED)])
        assert len(ledger.events(first.transaction_id)) == 3
        assert known(ledger.payment(first.transaction_id)).state is ClaimState.EXPIRED

    def test_what_is_only_claimed_is_left_out(self, ledger: PaymentLedger) -> None:
        """It may be removed again, with nothing sent."""
        ledger.record([replace(submitted(), state=ClaimState.CLAIMED)])
        assert ledger.payments(EVERY_PAYMENT, None, 10) == []
        assert ledger.last_number() == 0

    def test_a_payer_is_kept_once_it_is_known(self, ledger: PaymentLedger) -> None:
        """A claim that was made again does not know it."""
        claim = submitted()
        without = replace(claim, payer="", nonce="not known yet")
        ledger.record([without, claim, replace(settled(claim), payer="")])
        assert known(ledger.payment(claim.transaction_id)).payer == "addr_test1payer"

    def test_payments_are_listed_from_the_newest_on(self, ledger: PaymentLedger) -> None:
        """Page after page, each payment comes once; those of one time are ordered by their id."""
        ledger.record([submitted(number, NOON + number // 2) for number in range(9)])
        listed: list[str] = []
        place = None
        while page := ledger.payments(EVERY_PAYMENT, place, 2):
            assert len(page) <= 2
            listed += [each.transaction_id for each in page]
            place = Place(page[-1].created_at, page[-1].transaction_id)
        assert listed == [f"{number:064x}" for number in reversed(range(9))]

    @pytest.mark.parametrize(
        "query",
        [
            PaymentQuery(states=frozenset({ClaimState.SETTLED})),
            PaymentQuery(transaction_id=f"{2:064x}"),
            PaymentQuery(network="cardano:mainnet"),
            PaymentQuery(payer="addr_test1other"),
            PaymentQuery(pay_to="addr_test1library"),
            PaymentQuery(asset="ab.cd"),
            PaymentQuery(caller=""),
            PaymentQuery(resource="https://library.example/%_"),
            PaymentQuery(since=NOON + 5),
            PaymentQuery(pay_to="addr_test1library", caller="", since=NOON + 1),
        ],
        ids=str,
    )
    def test_a_query_finds_the_payments_that_meet_all_of_it(
        self, ledger: PaymentLedger, query: PaymentQuery
    ) -> None:
        """One payment meets each of these queries, and another does not."""
        details = PaymentDetails(
            pay_to="addr_test1library", asset="ab.cd", resource="https://library.example/%_5"
        )
        wanted = replace(
            settled(submitted(2, NOON + 5, details=details)),
            network="cardano:mainnet",
            payer="addr_test1other",
        )
        ledger.record([submitted(1), wanted])
        found = ledger.payments(query, None, 10)
        assert [each.transaction_id for each in found] == [wanted.transaction_id]
        assert ledger.payments(replace(query, until=NOON + 5), None, 10) == []
        assert ledger.payments(replace(query, network="no:such"), None, 10) == []

    def test_a_payment_is_found_by_the_beginning_of_its_id(self, ledger: PaymentLedger) -> None:
        """All that begin so are found, as any hex digits may follow."""
        ids = ["0a" + "0" * 62, "0a" + "f" * 62, "0b" + "0" * 62]
        ledger.record([replace(submitted(), transaction_id=each) for each in ids])
        begins = {"": 3, "0": 3, "0a": 2, "0af": 1, "a": 0, ids[0]: 1}
        for beginning, count in begins.items():
            query = PaymentQuery(transaction_id=beginning)
            assert len(ledger.payments(query, None, 10)) == count, beginning

    def test_a_text_that_a_payer_chose_is_found_as_it_is(self, ledger: PaymentLedger) -> None:
        r"""NUL, backslashes and quotes are characters as any other."""
        odd = "https://shop.example/\0\\'\"%"
        claim = submitted(details=replace(DETAILS, resource=odd, identifier=odd))
        ledger.record([claim])
        (found,) = ledger.payments(PaymentQuery(resource=odd), None, 10)
        assert (found.resource, found.identifier) == (odd, odd)

    def test_events_of_all_payments_come_in_the_order_of_their_numbers(
        self, ledger: PaymentLedger
    ) -> None:
        """A reader that goes on from the last number misses none, and gets none twice."""
        claims = [submitted(number) for number in range(3)]
        ledger.record(claims)
        start = ledger.last_number()
        ledger.record([settled(claim) for claim in claims])
        seen: list[PaymentEvent] = []
        number = 0
        while page := ledger.events_after(number, 4):
            assert len(page) <= 4
            seen += page
            number = page[-1].number
        assert number == ledger.last_number()
        assert [each.state for each in seen] == [ClaimState.SUBMITTED] * 3 + [
            ClaimState.SETTLED
        ] * 3
        assert [each.number for each in seen] == sorted({each.number for each in seen})
        assert len(ledger.events_after(start, 10)) == 3

    def test_totals_add_up_by_asset(self, ledger: PaymentLedger) -> None:
        """Sums may exceed 64 bits."""
        huge = str(2**64 - 1)
        token = replace(DETAILS, asset="ab.cd", fee=None)
        ledger.record([settled(submitted(n, amount=huge, details=token)) for n in range(3)])
        ledger.record([settled(submitted(9)), submitted(10)])
        paid = PaymentQuery(states=frozenset({ClaimState.SETTLED}))
        network = example_claim().network
        assert ledger.totals(paid, []) == [
            Total(network, "ab.cd", None, None, None, 3, 3 * (2**64 - 1), 0),
            Total(network, "lovelace", None, None, None, 1, 2_000_000, 170_000),
        ]

    def test_totals_by_day_recipient_and_caller(self, ledger: PaymentLedger) -> None:
        """A day begins at midnight in UTC. What is not settled has none."""
        other = replace(DETAILS, pay_to="addr_test1library", caller="")
        at_midnight = NOON + DAY / 2 - 40
        ledger.record(
            [
                settled(submitted(1, at_midnight - 0.5)),
                settled(submitted(2, at_midnight)),
                settled(submitted(3, at_midnight, details=other)),
                submitted(4),
            ]
        )
        found = ledger.totals(EVERY_PAYMENT, list(TotalBy))
        assert [(each.day, each.pay_to, each.caller, each.count) for each in found] == [
            ("2024-10-04", "addr_test1shop", "shop", 1),
            ("2024-10-05", "addr_test1library", "", 1),
            ("2024-10-05", "addr_test1shop", "shop", 1),
        ]

    def test_refusals_are_counted(self, ledger: PaymentLedger) -> None:
        """Counts of a kind add up; the newest sample stays."""
        first = RefusalCount("2024-10-04", "verify", "insufficient_funds", "", 2, 1.0, "one")
        ledger.count_refusals([first, replace(first, endpoint="settle")])
        ledger.count_refusals([replace(first, count=3, last_at=2.0, sample="two")])
        newer = replace(first, day="2024-10-05")
        ledger.count_refusals([newer])
        both = replace(first, count=5, last_at=2.0, sample="two")
        assert ledger.refusals("2024-10-04") == [newer, replace(first, endpoint="settle"), both]
        assert ledger.refusals("2024-10-05") == [newer]

    def test_a_cursor_moves_from_where_it_stands(self, ledger: PaymentLedger) -> None:
        """Of two processes that move it at once, one does; a repeat of that succeeds as well."""
        start = ledger.cursor("webhook")
        assert start == Cursor(0, "", 0)
        mine, theirs = Cursor(2**40, "me", 1), Cursor(5, "them", 1)
        assert ledger.move_cursor("webhook", start, mine)
        assert not ledger.move_cursor("webhook", start, theirs)
        assert ledger.move_cursor("webhook", start, mine)
        assert ledger.cursor("webhook") == mine
        assert ledger.cursor("another") == start

    def test_of_many_who_take_a_cursor_at_once_one_does(self, ledger: PaymentLedger) -> None:
        """Round after round."""
        for turn in range(10):
            before = ledger.cursor("webhook")
            moves = [Cursor(turn, f"process {each}", turn + 1) for each in range(4)]
            calls = [partial(ledger.move_cursor, "webhook", before, move) for move in moves]
            assert together(calls).count(True) == 1

    def test_old_payments_are_forgotten(self, ledger: PaymentLedger) -> None:
        """Only final ones, by their last change, and with all their events."""
        old, still_open, newer = submitted(1), submitted(2), settled(submitted(3, NOON + DAY))
        ledger.record([old, settled(old), still_open, newer])
        ledger.count_refusals([RefusalCount("2024-10-03", "verify", "x", "", 1, NOON, "")])
        ledger.count_refusals([RefusalCount("2024-10-04", "verify", "x", "", 1, NOON, "")])
        assert ledger.forget_payments(NOON + 40) == 0
        assert ledger.forget_payments(NOON + 41) == 1
        assert ledger.forget_payments(NOON + 41) == 0
        kept = {each.transaction_id for each in ledger.payments(EVERY_PAYMENT, None, 10)}
        assert kept == {still_open.transaction_id, newer.transaction_id}
        states = [[each.state for each in ledger.events(of.transaction_id)]
                  for of in (old, still_open, newer)]  # fmt: skip
        assert states == [[], [still_open.state], [newer.state]]
        assert [each.day for each in ledger.refusals("")] == ["2024-10-04"]

    def test_many_old_payments_are_forgotten_in_steps(self, ledger: PaymentLedger) -> None:
        """No call removes more than some hundreds."""
        ledger.record([settled(submitted(number)) for number in range(700)])
        steps = []
        while forgotten := ledger.forget_payments(NOON + DAY):
            steps.append(forgotten)
        assert sum(steps) == 700
        assert max(steps) < 700

    def test_personal_fields_are_erased_for_good(self, ledger: PaymentLedger) -> None:
        """The rest stays. A later event, or an earlier one again, brings nothing back."""
        claim, kept = delivered(settled(submitted())), delivered(settled(submitted(3)))
        ledger.record([claim, submitted(2), kept])
        as_recorded = ledger.payment(kept.transaction_id), ledger.events(kept.transaction_id)
        both = [claim.transaction_id, f"{2:064x}"]
        assert ledger.erase(both) == 1  # the other is not final
        assert ledger.erase(both) == 0
        ledger.record([claim, claim.changed(depth=9)])
        payment = known(ledger.payment(claim.transaction_id))
        assert payment.is_erased
        personal = (payment.payer, payment.resource, payment.client, payment.identifier)
        assert (*personal, payment.terms, payment.delivered_to) == (None,) * 6
        assert (payment.amount, payment.pay_to, payment.depth) == ("2000000", "addr_test1shop", 9)
        assert {each.delivered_to for each in ledger.events(claim.transaction_id)} == {None}
        assert as_recorded == (
            ledger.payment(kept.transaction_id),
            ledger.events(kept.transaction_id),
        )

    def test_a_ledger_outlives_its_closing(self, open_ledger: Callable[[], PaymentLedger]) -> None:
        """All of it is there when it is opened again."""
        ledger = open_ledger()
        ledger.record([submitted()])
        ledger.close()
        again = open_ledger()
        try:
            assert len(again.payments(EVERY_PAYMENT, None, 10)) == 1
        finally:
            again.close()

    def test_threads_record_the_same_changes_once(self, ledger: PaymentLedger) -> None:
        """Several processes may empty one outbox at the same time."""
        claims = [submitted(number) for number in range(20)]
        changes = claims + [settled(claim) for claim in claims]
        together([lambda: ledger.record(changes)] * 4)
        assert len(ledger.events_after(0, 100)) == 40
        states = {each.state for each in ledger.payments(EVERY_PAYMENT, None, 100)}
        assert states == {ClaimState.SETTLED}


def announced_with_hold(storage: HoldsWithClaim) -> Claim:
    """Add a claim, and announce its submission together with the hold of its inputs."""
    opened = cast("Storage", storage)
    claim = opened.add_claim(replace(submitted(), state=ClaimState.CLAIMED, version=0, payer=""))
    sent = claim.changed(state=ClaimState.SUBMITTED, payer="addr_test1payer")
    wanted = example_reservation(claim.transaction_id, [f"{claim.transaction_id}#0"])
    for _ in range(2):  # again, after a lost reply
        assert storage.change_claim_and_hold(sent, wanted, 0.0) is True
    return sent


class _OpensStorage:
    """The storage under test, opened once for each test."""

    @pytest.fixture
    def opened(self, open_storage: Callable[[], Storage]) -> Iterator[Storage]:
        """Yield the storage under test, and close it afterwards."""
        storage = open_storage()
        yield storage
        storage.close()


class RecordsPaymentsContract(_OpensStorage):
    """The promises of :class:`~facilitator.roles.payment_ledger.RecordsPayments`."""

    def test_each_change_of_a_claim_is_an_event(self, opened: Storage) -> None:
        """A change that is not made leaves none, and neither does a claim that is removed."""
        assert isinstance(opened, RecordsPayments)
        ledger = opened.payment_ledger()
        claim = replace(submitted(), state=ClaimState.CLAIMED, version=0, payer="")
        opened.add_claim(claim)
        assert opened.remove_claim(claim)
        opened.add_claim(claim)
        assert ledger.last_number() == 0
        sent = claim.changed(state=ClaimState.SUBMITTED, payer="addr_test1payer")
        assert opened.change_claim(sent)
        assert opened.change_claim(sent)  # again, after a lost reply
        assert not opened.change_claim(claim.changed(state=ClaimState.REJECTED))
        assert opened.change_claim(settled(sent))
        states = [each.state for each in ledger.events(claim.transaction_id)]
        assert states == [ClaimState.SUBMITTED, ClaimState.SETTLED]
        payment = known(ledger.payment(claim.transaction_id))
        assert (payment.pay_to, payment.payer) == ("addr_test1shop", "addr_test1payer")

    def test_a_claim_that_is_added_as_submitted_is_an_event(self, opened: Storage) -> None:
        """As when a process writes what the storage has lost."""
        assert isinstance(opened, RecordsPayments)
        opened.add_claim(submitted())
        opened.add_claim(submitted())
        assert len(opened.payment_ledger().events_after(0, 10)) == 1

    def test_a_change_with_a_hold_is_an_event(self, opened: Storage) -> None:
        """It is the one by which a settlement announces its submission, with its details."""
        if not isinstance(opened, HoldsWithClaim):
            pytest.skip("the storage does not change claims and hold inputs in one step")
        assert isinstance(opened, RecordsPayments)
        sent = announced_with_hold(opened)
        (event,) = opened.payment_ledger().events(sent.transaction_id)
        assert event.state is ClaimState.SUBMITTED
        payment = known(opened.payment_ledger().payment(sent.transaction_id))
        assert (payment.pay_to, payment.payer) == ("addr_test1shop", "addr_test1payer")

    def test_the_ledger_closes_with_the_storage(self, opened: Storage) -> None:
        """Not before: closing it leaves the storage as it is."""
        assert isinstance(opened, RecordsPayments)
        opened.payment_ledger().close()
        claim = opened.add_claim(submitted())
        assert opened.payment_ledger().payment(claim.transaction_id) is not None

    def test_the_ledger_outlives_the_claim(self, opened: Storage) -> None:
        """A claim is forgotten after a day or so."""
        assert isinstance(opened, RecordsPayments)
        claim = settled(submitted())
        opened.add_claim(claim)
        assert opened.forget_claims(claim.keep_until) == 1
        assert opened.payment_ledger().payment(claim.transaction_id) is not None


class KeepsOutboxContract(_OpensStorage):
    """The promises of :class:`~facilitator.roles.payment_ledger.KeepsOutbox`."""

    def test_nothing_is_kept_unless_it_is_asked_for(self, opened: Storage) -> None:
        """Else an outbox that no ledger empties would grow."""
        assert isinstance(opened, KeepsOutbox)
        opened.add_claim(submitted())
        assert opened.changes(10) == []
        assert opened.count_changes() == 0

    def test_each_change_is_kept_until_it_is_forgotten(self, opened: Storage) -> None:
        """In the order in which they were made."""
        assert isinstance(opened, KeepsOutbox)
        opened.keep_changes()
        first = submitted()
        second = settled(first)
        opened.add_claim(first)
        assert opened.change_claim(second)
        assert not opened.change_claim(replace(second, nonce="late"))
        assert opened.change_claim(second)  # again, after a lost reply
        assert [each.claim for each in opened.changes(10)] == [first, second]
        assert opened.count_changes() == 2
        (oldest,) = opened.changes(1)
        assert oldest.claim == first
        opened.forget_changes([oldest.name])
        opened.forget_changes([oldest.name])
        assert [each.claim for each in opened.changes(10)] == [second]
        assert opened.count_changes() == 1

    def test_a_change_with_a_hold_is_kept(self, opened: Storage) -> None:
        """It is the one by which a settlement announces its submission, with its details."""
        if not isinstance(opened, HoldsWithClaim):
            pytest.skip("the storage does not change claims and hold inputs in one step")
        assert isinstance(opened, KeepsOutbox)
        opened.keep_changes()
        sent = announced_with_hold(opened)
        assert [each.claim for each in opened.changes(10)] == [sent]

    def test_a_change_outlives_its_claim(self, opened: Storage) -> None:
        """A ledger may be away for longer than a claim is kept."""
        assert isinstance(opened, KeepsOutbox)
        opened.keep_changes()
        claim = settled(submitted())
        opened.add_claim(claim)
        assert opened.forget_claims(claim.keep_until) == 1
        assert [each.claim for each in opened.changes(10)] == [claim]

    def test_an_outbox_outlives_its_process_if_the_storage_does(
        self, opened: Storage, open_storage: Callable[[], Storage]
    ) -> None:
        """Another process empties it."""
        assert isinstance(opened, KeepsOutbox)
        opened.keep_changes()
        opened.add_claim(submitted())
        other = open_storage()
        try:
            assert isinstance(other, KeepsOutbox)
            assert len(other.changes(10)) == int(opened.is_shared)
        finally:
            other.close()
