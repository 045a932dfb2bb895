"""The scheme's checks of a payment: one table, which verdicts and inspections both walk.

The table has neither the steps that decode a payment nor the batched lookup of its inputs. A
decoding step returns what the next one needs, and the lookup serves the ledger's rules as well.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, auto
from typing import Literal, NamedTuple, TypeAlias, cast

from facilitator.cardano.parameters import ProtocolParameters
from facilitator.cardano.rules import Environment
from facilitator.cardano.slots import EraSummary
from facilitator.cardano.transaction import Output
from facilitator.exact.methods import ChecksChain, ChecksLedger, TransferMethod
from facilitator.exact.payment import Payment
from facilitator.exact.sponsor_rules import SponsoredTransaction, find_broken_rule
from facilitator.roles.refused import MayBeOnChain, Refused
from facilitator.x402.fee_sponsor import IS_SPONSORED, OFFER
from facilitator.x402.reasons import Reason

INTERVAL_RULE = "OutsideValidityIntervalUTxO"
"""The ledger's predicate failure for the validity interval."""


class Phase(IntEnum):
    """The point of a verdict at which a check runs, in this order."""

    BYTES = auto()
    """Before the protocol parameters are read."""
    ORIGIN = auto()
    """After the ledger's rules on networks and signatures."""
    TRANSFER = auto()
    """Before the failures of the ledger's other static rules are reported."""
    TIME = auto()
    """Before the outputs are looked up."""
    PAYER = auto()
    """After all rules of the ledger."""
    CHAIN = auto()
    """After all else: it may cost further look-ups."""


@dataclass(slots=True, eq=False, repr=False)
class CheckContext:
    """The facts beside the payment. Each is set once it is known, ``method`` from the start."""

    method: TransferMethod
    """The transfer method of the terms."""
    parameters: ProtocolParameters = field(init=False)
    """Set from :attr:`Phase.ORIGIN` on."""
    eras: EraSummary = field(init=False)
    """Set from :attr:`Phase.ORIGIN` on."""
    slot: int = field(init=False)
    """The slot now. Set from :attr:`Phase.TIME` on."""
    latest_slot: int = field(init=False)
    """The last slot that the terms allow the payment to end in. Set from :attr:`Phase.TIME` on."""
    nonce_output: Output = field(init=False)
    """The unspent output that the nonce names. Set in :attr:`Phase.PAYER`."""


CheckFunction: TypeAlias = Callable[[Payment, CheckContext], None]
"""Returns when the check holds. Raises :class:`Refused`."""


class PaymentCheck(NamedTuple):
    """A check of the scheme."""

    name: str
    """The name in a report."""
    phase: Phase
    run: CheckFunction
    needs: Literal["parameters", "nonce_output", "chain"] | None = None
    """The fact without which an inspection cannot run the check."""
    part: type | None = None
    """The optional part of a transfer method that the check belongs to."""


def check_flag(payment: Payment, _context: CheckContext) -> None:
    """Refuse a transaction that is marked as failing its scripts."""
    if not payment.transaction.is_valid:
        raise Refused(
            Reason.PHASE2_INVALID,
            "the transaction is flagged invalid (is_valid is false), so it would forfeit its"
            " collateral and pay no one; its scripts were not run, and nothing else was judged",
        )


def check_signed(payment: Payment, _context: CheckContext) -> None:
    """Refuse a transaction without any witness."""
    witnesses = payment.transaction.witnesses
    if not (witnesses.vkeys or witnesses.bootstraps or witnesses.scripts or witnesses.redeemers):
        raise Refused(Reason.UNSIGNED, "the transaction carries no witness at all")


def check_nonce(payment: Payment, _context: CheckContext) -> None:
    """Refuse a nonce that is not one of the inputs."""
    inputs = payment.transaction.body.inputs
    if payment.nonce not in inputs:
        raise Refused(
            Reason.NONCE_NOT_IN_INPUTS,
            f"the nonce {payment.nonce} is not among the transaction's {len(inputs)} inputs",
        )


def check_transfer(payment: Payment, context: CheckContext) -> None:
    """Refuse a transaction that does not transfer what the terms ask for."""
    context.method.check(payment.terms, payment.transaction)


def check_fees(payment: Payment, _context: CheckContext) -> None:
    """Refuse terms by which another than the payer pays the fee, and none offers to."""
    extra = payment.terms.requirements.extra
    if extra.get(IS_SPONSORED) not in (None, False) and OFFER not in extra:
        raise Refused(
            Reason.REQUIREMENTS,
            f"extra.{IS_SPONSORED} must be false where it is given without extra.{OFFER}: the "
            "payer pays the fee",
        )


def check_sponsored(payment: Payment, context: CheckContext) -> None:
    """Refuse a transaction that uses a sponsor's offer in another way than the sponsor allows."""
    if payment.sponsor is None:
        return
    env = Environment(
        0, payment.terms.network.network_id, context.parameters, payment.future_signers
    )
    broken = find_broken_rule(
        SponsoredTransaction(payment.transaction, payment.sponsor, payment.terms, env, context.eras)
    )
    if broken is not None:
        raise Refused(Reason.FEE_SPONSOR_REFUSED, broken)


def check_network(payment: Payment, context: CheckContext) -> None:
    """Refuse what the transfer method does not accept under the parameters in force."""
    method = cast(ChecksLedger, context.method)
    method.check_ledger(payment.terms, payment.transaction, context.parameters, context.eras)


def check_payer(payment: Payment, context: CheckContext) -> None:
    """Refuse a payer that the transfer method does not accept."""
    method = cast(ChecksLedger, context.method)
    method.check_payer(payment.terms, payment.transaction, context.nonce_output)


def check_chain(payment: Payment, context: CheckContext) -> None:
    """Refuse what the transfer method has looked up. Raises :class:`ChainUnavailable`, too."""
    cast(ChecksChain, context.method).check_chain(payment.terms, payment.transaction)


def check_validity(payment: Payment, context: CheckContext) -> None:
    """Refuse a payment that is not valid now or ends later than the terms allow."""
    slot, latest = context.slot, context.latest_slot
    start, end = (
        payment.transaction.body.invalid_before,
        payment.transaction.body.invalid_hereafter,
    )
    if end is None:
        raise Refused(
            Reason.TTL_TOO_FAR,
            "the transaction has no TTL: without one the payment could land any time later",
        )
    if end <= slot:
        raise MayBeOnChain(
            Reason.TTL_EXPIRED,
            f"{INTERVAL_RULE}: valid before slot {end}, now is slot {slot}",
        )
    if end > latest:
        raise Refused(
            Reason.TTL_TOO_FAR,
            f"valid before slot {end}, which is later than slot {latest}, "
            f"maxTimeoutSeconds ({payment.terms.max_timeout_seconds}) from now",
        )
    if start is not None and start > slot:
        raise Refused(
            Reason.NOT_YET_VALID,
            f"{INTERVAL_RULE}: valid from slot {start}, now is slot {slot}",
        )


CHECKS = (
    PaymentCheck("validity flag", Phase.TRANSFER, check_flag),
    PaymentCheck("signed at all", Phase.BYTES, check_signed),
    PaymentCheck("nonce is an input", Phase.ORIGIN, check_nonce),
    PaymentCheck("pays the terms", Phase.TRANSFER, check_transfer),
    PaymentCheck("pays the fee itself", Phase.TRANSFER, check_fees),
    PaymentCheck("is sponsored as offered", Phase.TRANSFER, check_sponsored, needs="parameters"),
    PaymentCheck(
        "pays as the network is now",
        Phase.TRANSFER,
        check_network,
        needs="parameters",
        part=ChecksLedger,
    ),
    PaymentCheck(
        "is paid by whom it names",
        Phase.PAYER,
        check_payer,
        needs="nonce_output",
        part=ChecksLedger,
    ),
    PaymentCheck("ends in time", Phase.TIME, check_validity),
    PaymentCheck("holds on the chain", Phase.CHAIN, check_chain, needs="chain", part=ChecksChain),
)
"""In the order of a report. A verdict runs them by phase, those of a phase in this order."""


def checks_of(method: TransferMethod | None) -> tuple[PaymentCheck, ...]:
    """Return the checks that concern payments by the transfer method.

    ``None`` stands for a method that is not known: the checks that every method has.
    """
    return tuple([each for each in CHECKS if each.part is None or isinstance(method, each.part)])


def functions_by_phase(method: TransferMethod) -> Mapping[Phase, tuple[CheckFunction, ...]]:
    """Return the functions that a verdict runs in each phase."""
    checks = checks_of(method)
    return {
        phase: tuple([check.run for check in checks if check.phase is phase]) for phase in Phase
    }
