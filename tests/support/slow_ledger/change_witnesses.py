"""Changes to signatures, scripts and whatever else a hash stands for.

Each says whether it found something to change. A transaction is signed after it was changed, so
that no rule hides behind a signature that broke.
"""

from support.cbor_forms import Tagged
from support.slow_ledger.draft import ABSENT, Draft, Signature


def missing_signature(draft: Draft) -> bool:
    if not draft.signers:
        return False
    draft.omitted_signers.add(draft.random.choice(sorted(draft.signers)))
    return True


def missing_bootstrap(draft: Draft) -> bool:
    if not draft.byron_signers:
        return False
    draft.byron_signers.discard(draft.random.choice(sorted(draft.byron_signers)))
    return True


def other_bootstrap(draft: Draft) -> bool:
    """One more, which is allowed; or one instead of another."""
    draft.byron_signers.add(draft.random.randrange(4))
    return draft.random.random() < 0.5 or missing_bootstrap(draft)


def more_signatures(draft: Draft) -> bool:
    """The ledger takes signatures of keys that need not sign."""
    draft.signers.add(draft.random.randrange(len(draft.world.keys)))
    return True


def broken_signature(draft: Draft) -> bool:
    if not draft.signers:
        return False
    position, bit = draft.random.randrange(64), 1 << draft.random.randrange(8)

    def resign(_id: bytes, signed: list[Signature]) -> list[Signature]:
        return [(key, flip(signature)) for key, signature in signed[:1]] + signed[1:]

    def flip(signature: bytes) -> bytes:
        broken = bytearray(signature)
        broken[position] ^= bit
        return bytes(broken)

    draft.resign = resign
    return True


def foreign_signature(draft: Draft) -> bool:
    """A signature over something else, under another's key, or the same one twice."""
    if not draft.signers:
        return False
    keys, kind = draft.world.keys, draft.random.randrange(3)

    def resign(id_: bytes, signed: list[Signature]) -> list[Signature]:
        if kind == 0:
            return [*signed[1:], (keys[0].public, keys[0].sign(bytes(32)))]
        if kind == 1:
            return [*signed[1:], (keys[1].public, keys[2].sign(id_))]
        return signed + signed[:1]

    draft.fee_above += 20_000
    draft.resign = resign
    return True


def missing_script(draft: Draft) -> bool:
    if not draft.scripts:
        return False
    draft.omitted_scripts.add(draft.random.choice(sorted(draft.scripts)))
    return True


def more_scripts(draft: Draft) -> bool:
    """One that nothing needs, that is referred to as well, or that is there twice."""
    choices = [draft.random.choice(draft.world.scripts), *draft.scripts.values()]
    draft.extra_scripts.append(draft.random.choice(choices))
    return True


def failing_script(draft: Draft) -> bool:
    """A script that is needed while nobody saw to it that it holds."""
    script = draft.random.choice(draft.world.scripts)
    draft.scripts[script.hash] = script
    draft.mint[script.hash, b"new"] = 1
    return True


def required_signer(draft: Draft) -> bool:
    number = draft.random.randrange(len(draft.world.keys))
    if number not in draft.required:
        draft.required.append(number)
    return True


def auxiliary_hash(draft: Draft) -> bool:
    draft.patch[7] = draft.random.choice([ABSENT, bytes(32)])
    return True


def auxiliary_dropped(draft: Draft) -> bool:
    draft.auxiliary = None
    draft.patch[7] = bytes(32)
    return True


def metadata_string(draft: Draft) -> bool:
    draft.auxiliary = {1: "x" * draft.random.choice([64, 65])}
    return True


def datum_hash(draft: Draft) -> bool:
    draft.patch[11] = draft.random.choice([ABSENT, bytes(32)])
    return True


def more_datums(draft: Draft) -> bool:
    draft.datums.append(draft.random.choice([1, Tagged(121, []), b"other"]))
    return True


WITNESSES = (
    missing_signature,
    missing_bootstrap,
    other_bootstrap,
    more_signatures,
    broken_signature,
    foreign_signature,
    missing_script,
    more_scripts,
    failing_script,
    required_signer,
    auxiliary_hash,
    auxiliary_dropped,
    metadata_string,
    datum_hash,
    more_datums,
)
