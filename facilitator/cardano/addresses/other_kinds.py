"""Names of texts that are taken for an address and are something else, for messages."""

import re

_PREFIXES = {
    "acct": "an account key",
    "addr_vk": "a payment key",
    "addr_vkh": "the hash of a payment key",
    "addr_shared_vkh": "the hash of a shared payment key",
    "asset": "the fingerprint of an asset",
    "bc": "an address of Bitcoin",
    "cc_cold": "a credential of the constitutional committee",
    "cc_hot": "a credential of the constitutional committee",
    "drep": "the id of a DRep",
    "drep_script": "the id of a DRep",
    "drep_vkh": "the hash of a DRep's key",
    "gov_action": "the id of a governance action",
    "pool": "the id of a stake pool",
    "pool_vk": "the key of a stake pool",
    "script": "the hash of a script",
    "stake_vk": "a stake key",
    "stake_vkh": "the hash of a stake key",
    "stake_shared_vkh": "the hash of a shared stake key",
    "tb": "an address of Bitcoin",
}
"""Kinds of bech32 texts that are no addresses, by prefix (CIP-5)."""

_FORMS = (
    (re.compile(r"0x[0-9a-fA-F]{40}"), "an address of an EVM chain"),
    (re.compile(r"(?:[0-9a-fA-F]{58}|[0-9a-fA-F]{114})"), "the bytes of an address in hex"),
    (re.compile(r"[0-9a-fA-F]{56}"), "a hash in hex"),
    (re.compile(r"\$[a-z0-9_.@-]{1,31}"), "a handle, which has to be looked up first"),
)


def other_kind(text: str) -> str | None:
    """Return what a text is that is no address, as part of a sentence; ``None`` if not known."""
    prefix, separator, _ = text.lower().rpartition("1")
    if separator and (kind := _PREFIXES.get(prefix)):
        return kind
    return next((kind for form, kind in _FORMS if form.fullmatch(text)), None)
