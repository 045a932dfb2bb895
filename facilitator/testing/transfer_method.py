"""Contract tests that every transfer method must pass.

Subclass :class:`TransferMethodContract` in a test module, and give it the fixtures ``method`` and
``paid``: terms, and a transaction that meets them.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facilitator.cardano.parameters import ProtocolParameters
from facilitator.cardano.slots import KNOWN_ERAS
from facilitator.cardano.transaction import Transaction
from facilitator.exact.methods import (
    ChecksLedger,
    DeclaresReasons,
    HasUniqueTerms,
    TransferMethod,
)
from facilitator.roles.payment import Terms
from facilitator.roles.refused import Refused
from facilitator.testing.scheme_calls import holds_until
from facilitator.testing.start import check_as_at_start
from facilitator.testing.threads import together
from facilitator.x402.reasons import Reason

THREADS = 8
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


class Paid(NamedTuple):
    """Terms, and a transaction that meets them."""

    terms: Terms
    transaction: Transaction


class TransferMethodContract:
    """All promises of :class:`~facilitator.exact.methods.TransferMethod`."""

    @pytest.fixture
    def method(self) -> TransferMethod:
        """Return the transfer method under test; a subclass defines it."""
        raise NotImplementedError("define the fixture method")

    @pytest.fixture
    def paid(self) -> Paid:
        """Return terms and a transaction that meets them; a subclass defines it."""
        raise NotImplementedError("define the fixture paid")

    @pytest.fixture
    def parameters(self) -> ProtocolParameters:
        """Return the protocol parameters in force; those of the devnet."""
        from facilitator_devnet.genesis import PARAMETERS

        return PARAMETERS

    def test_the_start_takes_the_method(self, method: TransferMethod) -> None:
        """It takes the arguments of the protocol by their names."""
        check_as_at_start("transfer_methods", method)

    def test_a_payment_that_meets_the_terms_is_taken(
        self, method: TransferMethod, paid: Paid
    ) -> None:
        """Again and again, and by many threads at once: nothing is remembered."""
        together([lambda: method.check(*paid)] * THREADS)
        assert method.check(*paid) is None  # type: ignore[func-returns-value]

    def test_a_payment_of_too_little_is_refused(self, method: TransferMethod, paid: Paid) -> None:
        """The terms ask for one unit more than any output of the transaction holds."""
        outputs = paid.transaction.body.outputs
        asset = paid.terms.asset
        held = [each.value.assets.get(asset, 0) if asset else each.value.lovelace
                for each in outputs]  # fmt: skip
        amount = max(held) + 1
        requirements = replace(paid.terms.requirements, amount=f"{amount}")
        self._refuses(method, replace(paid.terms, amount=amount, requirements=requirements), paid)

    def test_a_payment_to_another_is_refused(self, method: TransferMethod, paid: Paid) -> None:
        """The address of the terms is compared with all its bytes."""
        for index in (1, 28, len(paid.terms.pay_to) - 1):
            other = bytearray(paid.terms.pay_to)
            other[index] ^= 1
            self._refuses(method, replace(paid.terms, pay_to=bytes(other)), paid)

    def test_a_payment_in_another_asset_is_refused(
        self, method: TransferMethod, paid: Paid
    ) -> None:
        """Neither lovelace nor a token of another name will do."""
        self._refuses(method, replace(paid.terms, asset=b"\xab" * 28 + b"other"), paid)

    def test_a_transaction_without_outputs_is_refused(
        self, method: TransferMethod, paid: Paid
    ) -> None:
        """It is a transaction that anybody may send."""
        body = replace(paid.transaction.body, outputs=())
        self._refuses(method, paid.terms, paid._replace(transaction=replace(
            paid.transaction, body=body)))  # fmt: skip

    def test_requirements_of_any_form_get_a_verdict(
        self, method: TransferMethod, paid: Paid
    ) -> None:
        """Callers write ``extra``: another error than ``Refused`` is a fault of the method."""

        @settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
        @given(st.dictionaries(st.sampled_from([*paid.terms.requirements.extra, "other"]), _JSON))
        def judge(changes: dict[str, Any]) -> None:
            extra = {**paid.terms.requirements.extra, **changes}
            requirements = replace(paid.terms.requirements, extra=extra)
            with suppress(Refused):
                method.check(replace(paid.terms, requirements=requirements), paid.transaction)

        judge()

    def test_the_ledger_is_checked_without_a_call(
        self, method: TransferMethod, paid: Paid, parameters: ProtocolParameters
    ) -> None:
        """The check of what depends on the parameters passes the same payment."""
        if not isinstance(method, ChecksLedger):
            pytest.skip("the method does not check what depends on the ledger")
        eras = KNOWN_ERAS[paid.terms.requirements.network]
        method.check_ledger(*paid, parameters, eras)

    def test_unique_terms_have_an_identity(self, method: TransferMethod, paid: Paid) -> None:
        """It is the same for equal terms, and it ends some time, not while the payment may land."""
        if not isinstance(method, HasUniqueTerms):
            pytest.skip("the method has no terms that only one transaction may meet")
        once = method.once(paid.terms)
        assert method.once(replace(paid.terms)) == once
        assert isinstance(once.key, str)
        assert once.until < float("inf")
        end = paid.transaction.body.invalid_hereafter
        assert holds_until(once, paid.terms.network.id, end), "another transaction could meet them"

    @staticmethod
    def _refuses(method: TransferMethod, terms: Terms, paid: Paid) -> None:
        """Fail unless the method refuses with a reason that is known, and a sentence."""
        refusal = _refusal(lambda: method.check(terms, paid.transaction))
        known = {*map(str, Reason)}
        if isinstance(method, DeclaresReasons):
            known |= {*map(str, method.reasons())}
        assert str(refusal.reason) in known, "declare the reason in reasons()"
        assert refusal.message.strip()
        assert "\n" not in refusal.message


def _refusal(check: Callable[[], None]) -> Refused:
    with pytest.raises(Refused) as caught:
        check()
    return caught.value
