"""Amounts and the names of assets for a person."""

LOVELACE = "lovelace"
_LABEL_BYTES = 4


def ada(lovelace: int) -> str:
    """Return the amount in ada, with all six decimals."""
    whole, rest = divmod(abs(lovelace), 1_000_000)
    return f"{'-' if lovelace < 0 else ''}{whole:,}.{rest:06d} ada"


def readable_name(name: bytes) -> str | None:
    """Return the asset name as text if it is printable ASCII, with its CIP-67 label if any."""
    label = ""
    if len(name) > _LABEL_BYTES and name[0] & 0xF0 == 0 and name[3] & 0x0F == 0:
        label = f"({int.from_bytes(name[:_LABEL_BYTES]) >> 12 & 0xFFFF})"
        name = name[_LABEL_BYTES:]
    text = name.decode("ascii", "replace")
    return label + text if text and text.isascii() and text.isprintable() else None


def amount_in_words(quantity: int, asset: str) -> str:
    """Return the amount as ada, or as units of the token with its name and id.

    ``asset`` is ``lovelace``, or policy id and asset name in hex with a dot between. How many
    decimals a token has is in no transaction.
    """
    if asset == LOVELACE:
        return ada(quantity)
    _, _, name = asset.partition(".")
    try:
        readable = readable_name(bytes.fromhex(name))
    except ValueError:
        readable = None
    return f"{quantity:,} units of {f'{readable} ({asset})' if readable else asset}"
