"""Contract tests that every transfer method must pass.

Subclass :class:`TransferMethodContract` in a test module, and give it the fixtures ``method`` and
``paid``: terms, and a transaction that meets them. A method that looks something up on the chain
finds there what ``paid`` needs, and the fixture ``cut`` is a function that takes the chain away.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from hashlib import blake2b
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facilitator.cardano.parameters import ProtocolParameters
from facilitator.cardano.slots import KNOWN_ERAS
from facilitator.cardano.transaction import Output, Transaction, Value
from facilitator.exact.methods import (
    ChecksChain,
    ChecksLedger,
    DeclaresReasons,
    HasUniqueTerms,
    TransferMethod,
)
from facilitator.roles.chain_errors import ChainUnavailable
from facilitator.roles.payment import Terms
from facilitator.roles.refused import Refused
from facilitator.testing.scheme_calls import holds_until
from facilitator.testing.start import check_as_at_start
from facilitator.testing.threads import together
from facilitator.x402.reasons import Reason

THREADS = 8
_ENTERPRISE = 0x60
_BYRON = bytes.fromhex(
    "82d818582183581cba970ad36654d8dd8f74274b733452ddeab9a62a397746be3c42ccdda0001a9026da5b"
)
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
    def nonce(self, paid: Paid) -> Output:
        """Return the unspent output that ``payload.nonce`` names, of who meets the terms.

        It is one of the first key that has signed; a subclass may return another.
        """
        key = blake2b(paid.transaction.witnesses.vkeys[0].vkey, digest_size=28).digest()
        address = bytes([_ENTERPRISE | paid.terms.network.network_id]) + key
        return Output(address, Value(1_000_000_000, {}), 0)

    @pytest.fixture
    def cut(self) -> Callable[[], None] | None:
        """Return a function after which the chain cannot be asked; a subclass may define it."""
        return None

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
        self, method: TransferMethod, paid: Paid, nonce: Output, parameters: ProtocolParameters
    ) -> None:
        """Callers write ``extra``: another error than ``Refused`` is a fault of the method.

        What comes after the first check is called only for what that takes.
        """

        @settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
        @given(st.dictionaries(st.sampled_from([*paid.terms.requirements.extra, "other"]), _JSON))
        def judge(changes: dict[str, Any]) -> None:
            extra = {**paid.terms.requirements.extra, **changes}
            requirements = replace(paid.terms.requirements, extra=extra)
            terms = replace(paid.terms, requirements=requirements)
            with suppress(Refused, ChainUnavailable):
                _judge(method, paid._replace(terms=terms), nonce, parameters)

        judge()

    def test_the_ledger_is_checked_without_a_call(
        self, method: TransferMethod, paid: Paid, parameters: ProtocolParameters
    ) -> None:
        """The check of what depends on the parameters passes the same payment."""
        if not isinstance(method, ChecksLedger):
            pytest.skip("the method does not check what depends on the ledger")
        eras = KNOWN_ERAS[paid.terms.requirements.network]
        method.check_ledger(*paid, parameters, eras)

    def test_a_payer_who_meets_the_terms_is_taken(
        self, method: TransferMethod, paid: Paid, nonce: Output
    ) -> None:
        """Again and again, and by many threads at once: nothing is remembered."""
        if not isinstance(method, ChecksLedger):
            pytest.skip("the method does not check the payer")
        part: ChecksLedger = method
        together([lambda: part.check_payer(*paid, nonce)] * THREADS)
        assert part.check_payer(*paid, nonce) is None  # type: ignore[func-returns-value]

    def test_a_payer_of_any_kind_gets_a_verdict(
        self, method: TransferMethod, paid: Paid, nonce: Output
    ) -> None:
        """The payer chooses the output that the nonce names: another error is a fault."""
        if not isinstance(method, ChecksLedger):
            pytest.skip("the method does not check the payer")
        for address in _addresses(paid.terms.network.network_id):
            for other in (replace(nonce, address=address), replace(nonce, datum=b"\x00")):
                with suppress(Refused):
                    method.check_payer(*paid, other)

    def test_what_is_looked_up_meets_the_terms(self, method: TransferMethod, paid: Paid) -> None:
        """Again and again, and by many threads at once: nothing is remembered."""
        if not isinstance(method, ChecksChain):
            pytest.skip("the method looks nothing up")
        part: ChecksChain = method
        together([lambda: part.check_chain(*paid)] * THREADS)
        assert part.check_chain(*paid) is None  # type: ignore[func-returns-value]

    def test_what_cannot_be_looked_up_is_not_taken(
        self, method: TransferMethod, paid: Paid, cut: Callable[[], None] | None
    ) -> None:
        """Nor refused: the payment may be tried again."""
        if not isinstance(method, ChecksChain):
            pytest.skip("the method looks nothing up")
        if cut is None:
            pytest.skip("define the fixture cut, which takes the chain away")
        cut()
        with pytest.raises(ChainUnavailable):
            method.check_chain(*paid)

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


def _judge(
    method: TransferMethod, paid: Paid, nonce: Output, parameters: ProtocolParameters
) -> None:
    """Call what checks a payment, in the order of the facilitator, until one refuses it."""
    method.check(*paid)
    if isinstance(method, ChecksLedger):
        eras = KNOWN_ERAS[paid.terms.requirements.network]
        method.check_ledger(*paid, parameters, eras)
        method.check_payer(*paid, nonce)
    if isinstance(method, ChecksChain):
        method.check_chain(*paid)


def _addresses(network_id: int) -> Sequence[bytes]:
    """Return an address of each kind that an output can have on the network."""
    one, other = b"\xab" * 28, b"\xcd" * 28
    whole = [bytes([kind << 4 | network_id]) + one + other for kind in range(4)]
    short = [bytes([kind << 4 | network_id]) + one for kind in (6, 7)]
    return [*whole, *short, _BYRON]


def _refusal(check: Callable[[], None]) -> Refused:
    with pytest.raises(Refused) as caught:
        check()
    return caught.value
