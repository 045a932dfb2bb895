"""Contract tests that every scheme must pass.

Subclass :class:`SchemeContract` in a test module, and give it the fixtures ``scheme`` and ``paid``:
a request whose payment the scheme finds valid, and which ``/settle`` may submit. The scheme is
called behind the border that it has at run time: what that would report as a fault fails the test.
"""

from contextlib import suppress
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facilitator.cardano.addresses.address import format_address
from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.exact.terms import MAX_CONFIRMATIONS
from facilitator.roles.chain_errors import ChainUnavailable
from facilitator.roles.claim import NO_END
from facilitator.roles.refused import Refused
from facilitator.roles.scheme import Scheme
from facilitator.testing.scheme_calls import (
    ORIGIN,
    asking,
    check_refusal,
    claim_on,
    facts,
    guarded,
    holds_until,
    judged,
    network_of,
    paid_in,
    prepared,
    refusal_of,
    scheme_of,
    without_io,
)
from facilitator.testing.start import check_as_at_start
from facilitator.testing.threads import together
from facilitator.x402.messages import PaymentRequest
from facilitator.x402.networks import cardano_network

__all__ = ["SchemeContract", "guarded", "paid_in", "scheme_of"]

THREADS = 8

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=6,
)  # fmt: skip


class SchemeContract:
    """All promises of :class:`~facilitator.roles.scheme.Scheme`."""

    @pytest.fixture
    def scheme(self) -> Scheme:
        """Return the scheme under test; a subclass defines it."""
        raise NotImplementedError("define the fixture scheme")

    @pytest.fixture
    def paid(self) -> PaymentRequest:
        """Return a request with a payment that settles; a subclass defines it."""
        raise NotImplementedError("define the fixture paid")

    @pytest.fixture
    def restarted(self, scheme: Scheme) -> Scheme:
        """Return the scheme as another process has it; a subclass may make another one."""
        return scheme

    def test_the_start_takes_the_scheme(self, scheme: Scheme) -> None:
        """It takes the arguments of the protocol by their names."""
        check_as_at_start("schemes", scheme)

    def test_its_kind_is_json(self, scheme: Scheme, paid: PaymentRequest) -> None:
        """``/supported`` shows it for the network of the payment."""
        kind = guarded(scheme).kind(network_of(paid))
        assert kind is not None, "it does not serve the network of the payment"
        assert orjson.loads(orjson.dumps(dict(kind))) == dict(kind)

    def test_a_payment_is_read_alike_each_time(self, scheme: Scheme, paid: PaymentRequest) -> None:
        """By many threads at once, too: what is claimed is what was verified."""
        once = facts(guarded(scheme).read(paid, ORIGIN))
        again: list[Any] = []
        together([lambda: again.append(facts(guarded(scheme).read(paid, ORIGIN)))] * THREADS)
        assert again == [once] * THREADS

    def test_a_payment_is_prepared_alike_each_time(
        self, scheme: Scheme, paid: PaymentRequest
    ) -> None:
        """Under the id that it was read with, so that a repeat finds the claim of the first."""
        once, again = (prepared(scheme, paid) for _ in range(2))
        assert once.transaction_id, "a payment that settles has a transaction"
        assert facts(once) == facts(again)

    def test_only_the_verdict_does_io(self, scheme: Scheme, paid: PaymentRequest) -> None:
        """All else is called while others wait, and more often than for each payment."""

        def calls() -> object:
            payment = prepared(scheme, paid)
            part = guarded(scheme)
            part.check(payment)
            part.unique_terms(payment)
            return part.answer(claim_on(payment))

        calls()  # what is imported late is imported now
        with without_io():
            calls()

    def test_a_payment_is_valid(self, scheme: Scheme, paid: PaymentRequest) -> None:
        """As it is read for ``/verify``, and as it is prepared for ``/settle``."""
        part = guarded(scheme)
        for payment in (part.read(paid, ORIGIN), prepared(scheme, paid)):
            part.check(payment)
            terms = part.unique_terms(payment)
            assert part.unique_terms(payment) == terms
            assert part.verify(payment).payer

    def test_a_payment_of_too_little_is_refused(self, scheme: Scheme, paid: PaymentRequest) -> None:
        """The requirements, and the client's echo, ask for more than anybody has."""
        refusal = refusal_of(scheme, asking(paid, amount=f"{10**30}"))
        check_refusal(scheme, refusal)

    def test_a_payment_to_another_is_refused(self, scheme: Scheme, paid: PaymentRequest) -> None:
        """The requirements, and the client's echo, name an address that was not paid."""
        network = cardano_network(network_of(paid))
        other = format_address(bytes([0x60 | network.network_id]) + b"\xab" * 28)
        check_refusal(scheme, refusal_of(scheme, asking(paid, pay_to=other)))

    def test_a_payment_in_another_asset_is_refused(
        self, scheme: Scheme, paid: PaymentRequest
    ) -> None:
        """The requirements, and the client's echo, name a token that was never made."""
        check_refusal(scheme, refusal_of(scheme, asking(paid, asset=f"{'ab' * 28}.00")))

    def test_a_payment_is_what_its_bytes_say(self, scheme: Scheme, paid: PaymentRequest) -> None:
        """Its claim, its rivals and its end are known by these."""
        payment = prepared(scheme, paid)
        transaction = decode_transaction(payment.transaction)
        end = transaction.body.invalid_hereafter
        assert payment.transaction_id == transaction.id.hex()
        assert payment.inputs >= {*map(str, transaction.body.inputs)}
        assert payment.invalid_hereafter == (NO_END if end is None else end)

    def test_the_confirmations_are_those_of_the_requirements(
        self, scheme: Scheme, paid: PaymentRequest
    ) -> None:
        """The resource server serves once the payment is so deep."""
        for number in (2, MAX_CONFIRMATIONS):
            policy = {"confirmationPolicy": {"l1Confirmations": number}}
            asked = asking(paid, extra={**paid.requirements.extra, **policy})
            with suppress(Refused):
                assert guarded(scheme).read(asked, ORIGIN).terms.confirmations == number

    def test_unique_terms_hold_while_the_payment_may_land(
        self, scheme: Scheme, paid: PaymentRequest
    ) -> None:
        """Otherwise a second transaction could meet them."""
        payment = prepared(scheme, paid)
        terms = guarded(scheme).unique_terms(payment)
        if terms is not None:
            assert holds_until(terms, payment.terms.network.id, payment.invalid_hereafter)

    def test_an_echo_that_differs_is_refused(self, scheme: Scheme, paid: PaymentRequest) -> None:
        """The client has agreed to something else than the resource server asks for."""
        less = f"{int(paid.accepted.amount) + 1}"
        refusal = refusal_of(scheme, replace(paid, accepted=replace(paid.accepted, amount=less)))
        check_refusal(scheme, refusal)

    def test_a_network_has_its_other_names(self, scheme: Scheme, paid: PaymentRequest) -> None:
        """The terms have the canonical one, by which the claim is kept."""
        other = cardano_network(network_of(paid)).cip34
        assert guarded(scheme).read(asking(paid, network=other), ORIGIN).transaction == (
            guarded(scheme).read(paid, ORIGIN).transaction
        )

    def test_messages_of_any_form_get_a_verdict(self, scheme: Scheme, paid: PaymentRequest) -> None:
        """Strangers write them: another error than ``Refused`` is a fault of the scheme."""
        payloads = st.dictionaries(st.sampled_from([*paid.payload, "other"]), _JSON)
        extras = st.dictionaries(st.sampled_from([*paid.requirements.extra, "other"]), _JSON)

        @settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
        @given(payloads, extras, st.booleans())
        def judge(payload: dict[str, Any], extra: dict[str, Any], replaces: bool) -> None:
            whole = payload if replaces else {**paid.payload, **payload}
            request = replace(paid, payload=whole)
            further = {**paid.requirements.extra, **extra}
            with suppress(Refused, ChainUnavailable):
                judged(scheme, asking(request, extra=further))

        judge()

    def test_the_answer_needs_the_claim_alone(
        self, scheme: Scheme, restarted: Scheme, paid: PaymentRequest
    ) -> None:
        """Another process makes it, from what a storage returns, and the same each time."""
        payment = prepared(scheme, paid)
        assert type(payment.record) is bytes, "a storage returns the record as bytes"
        answer = guarded(restarted).answer(claim_on(payment))
        assert answer == guarded(restarted).answer(claim_on(payment))
        assert orjson.loads(orjson.dumps(dict(answer.extra))) == dict(answer.extra)
