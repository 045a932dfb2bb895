"""Bugs that the suite must find: ``program.py`` plants one of them in a facilitator's process."""

import importlib
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from facilitator.chain.lease_watch import LeaseWatch
from facilitator.payments import admission, idempotency, verdicts
from facilitator.payments.bindings import Bindings, Holder
from facilitator.payments.reservations import Reservations
from facilitator.payments.service import Service
from facilitator.roles.chain import InBlock
from facilitator.roles.claim import Claim, ClaimState
from facilitator.roles.refused import Refused
from facilitator.roles.scheme import SchemePayment
from facilitator.roles.storage import Reservation, StorageUnavailable
from facilitator.settlement import coordinator, responses, result_delivery, transitions
from facilitator.settlement.coordinator import SettlementCoordinator
from facilitator.settlement.settle_request import Admitted, SettleRequest
from facilitator.settlement.tracking import recovery
from facilitator.settlement.tracking.questions import BlindRounds
from facilitator.settlement.transitions import Step
from facilitator.settlement.waiting_slots import WaitingSlots
from facilitator.x402.messages import PaymentRequest, SettleResponse
from facilitator.x402.reasons import Reason

FOR_EVER = 1e11
"""A time, in Unix seconds, that does not come."""


def skip_the_claim() -> None:
    """A submission is written down nowhere, and no process notices."""

    def submit(
        self: SettlementCoordinator, payment: SchemePayment, request: SettleRequest, _: float
    ) -> tuple[Claim, bool]:
        payer = request.admit().payer
        claim = replace(
            self._new_claim(payment, "", request), state=ClaimState.SUBMITTED, payer=payer
        )
        return self._trackers[claim.network].submit(claim).claim, True

    vars(coordinator)["SettlementCoordinator"]._claim = submit
    vars(recovery)["Recovery"].restore_missing = lambda *_: None


def claim_for_ever() -> None:
    """No process takes over a claim whose owner is gone and never submitted it."""
    new_claim = SettlementCoordinator._new_claim

    def for_ever(
        self: SettlementCoordinator, payment: SchemePayment, owner: str, request: SettleRequest
    ) -> Claim:
        return replace(new_claim(self, payment, owner, request), lease_until=FOR_EVER)

    vars(coordinator)["SettlementCoordinator"]._new_claim = for_ever
    believe_leases()


def deliver_to_every_caller() -> None:
    """Every caller receives a success that was delivered before."""

    def deliver(claim: Claim, request: SettleRequest) -> SettleResponse:  # noqa: ARG001
        return responses.repeated(claim.answer or b"")

    result_delivery.already_delivered = deliver


def count_too_far() -> None:
    """A block seems to have more blocks on top than it has."""
    include = transitions.include

    def eager(where: InBlock, tip_height: int, now: float) -> Step:
        return include(where, tip_height + 20, now)

    transitions.include = eager


def repeat_by_identifier() -> None:
    """The payer's payment identifier does what the caller's idempotency key does."""
    settle = Service.settle

    def settle_again(
        self: Service, request: PaymentRequest, *, idempotency_key: str | None, **rest: Any
    ) -> SettleResponse:
        key = idempotency_key or request.payment_identifier
        return settle(self, request, idempotency_key=key, **rest)

    vars(importlib.import_module(Service.__module__))["Service"].settle = settle_again


def share_all_names() -> None:
    """Keys and identifiers are the same for all callers and recipients."""
    vars(idempotency)["_space"] = lambda *_: ("", "", "")


def guard_nothing() -> None:
    """Any number of payments is made under an identifier."""
    vars(verdicts)["check_identifier"] = lambda *_: None
    vars(admission)["bind_identifier"] = lambda *_: None


def spend_keys_on_anything() -> None:
    """A key is bound before its payment is judged, and stays so."""
    admit = admission.Admission.admit

    def bind_first(
        self: admission.Admission, payment: SchemePayment, names: admission.Names
    ) -> Admitted:
        if names.key is not None:
            idempotency.bind_key(self._bindings, names.key, FOR_EVER)
        return admit(self, payment, names)

    bindings: Any = Bindings
    bindings._unless_failed = lambda _, bound, __: Holder(bound.rpartition(" ")[2], "pending")
    vars(admission)["Admission"].admit = bind_first


def obey_every_hold() -> None:
    """A hold of a payment that was only verified refuses the settlement of another."""
    hold = Reservations.hold_settling

    def refuse(self: Reservations, payment: SchemePayment, payer: str) -> None:
        inputs = payment.inputs
        name, now = payment.transaction_id, self._clock.time()
        mine = Reservation(name, inputs, name, name, now + 1.0, is_settling=False)
        if self._storage.reserve(mine, now, 1000) is not None:
            raise Refused(Reason.INPUT_NOT_AVAILABLE, "another payment was verified", payer)
        hold(self, payment, payer)

    reservations: Any = Reservations
    reservations.hold_settling = refuse
    reservations.with_claim = lambda *_: None  # so that each is held as above


def keep_every_slot() -> None:
    """A caller that has its answer, or hung up, is still counted as waiting."""
    slots: Any = WaitingSlots
    slots._give_back = lambda *_: None


def serve_the_gone() -> None:
    """That a caller has hung up is not noticed."""
    vars(importlib.import_module("facilitator.api.settle"))["client_disconnected_of"] = lambda _: (
        lambda: False
    )


def believe_leases() -> None:
    """A lease lasts until the time that is written in it, whatever clock wrote that."""
    watch: Any = LeaseWatch
    watch.is_over = lambda *_: False
    rounds: Any = BlindRounds  # which would make up for it, as far as they can
    rounds.due = lambda *_: ()


def doubt_nothing() -> None:
    """What a node has is taken for this facilitator's own submission."""
    transitions.not_taken = lambda *_: lambda _: None


def ignore_a_lost_log() -> None:
    """That another log lies beside the SQLite file, or none, is not noticed."""
    from facilitator_sqlite import opening

    def take(connection: sqlite3.Connection, files: Any, marks: Any, *_: Any, **__: Any) -> bool:
        if opening._fold(connection):
            opening._begin(connection, files, marks)
        return True

    vars(opening)["_take"] = take
    vars(opening)["Files"].check = lambda *_: None
    doubt_nothing()  # which would make up for it, most of the time


def stay_with_the_old_server() -> None:
    """Connections to a Redis server stay that has become a replica."""
    from facilitator_redis.connection import Connection

    connection: Any = Connection
    connection.drop = lambda *_: None


def lose_an_event() -> None:
    """The payment ledger learns of no block."""
    storage = importlib.import_module("facilitator_sqlite.storage")
    record = storage.record_change

    def forget(connection: sqlite3.Connection, claim: Claim) -> None:
        if claim.state is not ClaimState.INCLUDED:
            record(connection, claim)

    vars(storage)["record_change"] = forget


def record_before_the_change() -> None:
    """An event is written first and its change after it, which may fail in between."""
    from facilitator_sqlite.recording import record_change
    from facilitator_sqlite.storage import SqliteStorage

    storage: Any = SqliteStorage
    change = SqliteStorage.change_claim
    failed: set[str] = set()

    def change_claim(self: SqliteStorage, claim: Claim) -> bool:
        self._database.write(lambda each: record_change(each, claim), durable=True)
        if claim.answer is not None and claim.transaction_id not in failed:
            failed.add(claim.transaction_id)
            raise StorageUnavailable("the storage fails", "the storage fails once")
        return change(self, claim)

    storage.change_claim = change_claim


BUGS: Mapping[str, Callable[[], None]] = {
    each.__name__: each
    for each in (
        skip_the_claim,
        claim_for_ever,
        deliver_to_every_caller,
        count_too_far,
        repeat_by_identifier,
        share_all_names,
        guard_nothing,
        spend_keys_on_anything,
        obey_every_hold,
        keep_every_slot,
        serve_the_gone,
        believe_leases,
        doubt_nothing,
        ignore_a_lost_log,
        stay_with_the_old_server,
        lose_an_event,
        record_before_the_change,
    )
}
