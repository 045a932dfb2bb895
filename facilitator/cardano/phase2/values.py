"""Parts of a transaction as Plutus data, in the form common to all versions of Plutus.

The encodings are those of ``PlutusLedgerApi`` (V1 to V3): its types derive them from the order of
their constructors and fields.
"""

from collections.abc import Iterable

from facilitator.cardano.addresses.address import AddressKind, read_address
from facilitator.cardano.phase2.data import FALSE, NOTHING, TRUE, Constr, Data, Map, build_maybe
from facilitator.cardano.rules.evaluation import CannotEvaluate
from facilitator.cardano.slots import EraSummary
from facilitator.cardano.transaction import Assets, Body, Credential, OutputRef, Value

_STRICT_UPPER_BOUND = 9
"""The protocol version from which every range excludes its end."""


def build_credential(found: Credential) -> Constr:
    """Return the ``Credential`` of a public key or a script."""
    return Constr(1 if found.is_script else 0, (found.hash,))


def build_staking_hash(found: Credential) -> Constr:
    """Return the ``StakingHash`` of a credential."""
    return Constr(0, (build_credential(found),))


def build_address(raw: bytes) -> Constr:
    """Return the ``Address``. Raises :class:`CannotEvaluate` for Byron and pointer addresses."""
    found = read_address(raw)
    if found.payment is None or found.kind is AddressKind.POINTER:
        raise CannotEvaluate("contexts with Byron or pointer addresses are not made here")
    stake = NOTHING if found.stake is None else build_maybe(build_staking_hash(found.stake))
    return Constr(0, (build_credential(found.payment), stake))


def build_value(found: Value) -> Map:
    """Return the ``Value``: lovelace first, under empty names, even if it is zero."""
    return Map(((b"", Map(((b"", found.lovelace),))), *build_assets(found.assets).pairs))


def build_assets(found: Assets) -> Map:
    """Return native assets without lovelace, by ascending policy and name."""
    policies: dict[bytes, list[tuple[Data, Data]]] = {}
    for asset in sorted(found):
        policies.setdefault(asset[:28], []).append((asset[28:], found[asset]))
    return Map(tuple((policy, Map(tuple(names))) for policy, names in policies.items()))


def build_reference(ref: OutputRef, *, wrapped: bool) -> Constr:
    """Return the ``TxOutRef``, with its transaction id wrapped for V1 and V2."""
    return Constr(0, (build_transaction_id(ref.transaction_id, wrapped=wrapped), ref.index))


def build_transaction_id(raw: bytes, *, wrapped: bool) -> Data:
    """Return the ``TxId``: a constructor in V1 and V2, the bare bytes in V3."""
    return Constr(0, (raw,)) if wrapped else raw


def build_valid_range(body: Body, eras: EraSummary, protocol_major: int) -> Constr:
    """Return the ``POSIXTimeRange`` in ms, from the first valid slot to the first invalid one."""
    lower = upper = TRUE
    start = end = None
    if body.invalid_before is not None:
        start = eras.start_ms(body.invalid_before)
    if body.invalid_hereafter is not None:
        end = eras.start_ms(body.invalid_hereafter)
        # Before Conway, a range without a start included its end (``transVITime``).
        if start is not None or protocol_major >= _STRICT_UPPER_BOUND:
            upper = FALSE
    from_ = Constr(0) if start is None else Constr(1, (start,))
    until = Constr(2) if end is None else Constr(1, (end,))
    return Constr(0, (Constr(0, (from_, lower)), Constr(0, (until, upper))))


def sort_signatories(body: Body) -> tuple[bytes, ...]:
    """Return the required signers, ascending."""
    return tuple(sorted(set(body.required_signers)))


def build_pairs(found: Iterable[tuple[Data, Data]]) -> tuple[Constr, ...]:
    """Return a list of pairs, which V1 has in place of later versions' maps."""
    return tuple(Constr(0, pair) for pair in found)
