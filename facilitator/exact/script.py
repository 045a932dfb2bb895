"""The transfer method ``script``: value reaches a contract that the resource server names."""

from collections.abc import Sequence

from facilitator.cardano.addresses.address import read_address
from facilitator.cardano.phase2.data import decode_data, encode_data
from facilitator.cardano.transaction import Output, Transaction
from facilitator.exact.methods import check_amount, outputs_to_payee
from facilitator.exact.script_terms import read_script_terms
from facilitator.roles.payment import Terms
from facilitator.roles.refused import Refused
from facilitator.x402.reasons import Reason


class ScriptTransfer:
    """A transfer to a script: one single output pays the whole amount to ``payTo``, its address.

    If a datum is declared, that output carries it inline. It is not known if the script will spend
    that output.
    """

    def check(self, terms: Terms, transaction: Transaction) -> None:
        """Check the additional rules for ``script`` of ``scheme_exact_cardano.md``, then 2 to 4."""
        declared = read_script_terms(terms.requirements.extra)
        _check_address(terms, declared.script_hash)
        outputs = outputs_to_payee(terms, transaction)
        if declared.datum is not None:
            outputs = _with_datum(outputs, declared.datum)
        check_amount(terms, outputs)


def _check_address(terms: Terms, script_hash: bytes) -> None:
    payment = read_address(terms.pay_to).payment
    if payment is None or not payment.is_script:
        raise Refused(
            Reason.SCRIPT_ADDRESS_MISMATCH,
            f"payTo is not the address of a script; the declared one is {script_hash.hex()}",
        )
    if payment.hash != script_hash:
        raise Refused(
            Reason.SCRIPT_ADDRESS_MISMATCH,
            f"payTo is the address of the script {payment.hash.hex()}; the declared one, with its "
            f"parameters, is {script_hash.hex()}",
        )


def _with_datum(outputs: Sequence[Output], datum: bytes) -> list[Output]:
    """Return the outputs that carry the datum. Raises ``Refused``.

    Another datum could make the payer the owner of what the script holds.
    """
    declared = _canonical(datum)
    found = [o for o in outputs if o.datum is not None and _canonical(o.datum) == declared]
    if not found:
        raise Refused(
            Reason.RECIPIENT_MISMATCH,
            f"none of the {len(outputs)} outputs to payTo carries inline the datum of extra.datum",
        )
    return found


def _canonical(datum: bytes) -> bytes:
    """Return one encoding for equal data, as wallets encode it differently.

    Data that is nested too deeply is returned unchanged.
    """
    try:
        return encode_data(decode_data(datum))
    except RecursionError:
        return datum
