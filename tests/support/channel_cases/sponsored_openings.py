"""Faults of openings that a sponsor pays."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import cbor2

from facilitator.cardano.slots import KNOWN_ERAS
from facilitator.cardano.transaction import Value
from facilitator.testing.payments import ALICE, BOB, MERCHANT
from facilitator.testing.running import NETWORK
from facilitator_devnet.encoding import output_map
from support.channel_cases.case import Case, Make
from support.channel_cases.edits import field, in_the_past, unsigned
from support.channel_drafts import Draft, Edit, ada_outputs
from support.channel_ledger import Ledger
from support.channels import ACCEPTS, TOKEN, request
from support.sponsored_channels import SPONSOR, TTL, SponsoredOpening

LONG_TTL = TTL + 1
EXPIRES = KNOWN_ERAS[NETWORK].start_ms(TTL)


def sponsoring(**how: Any) -> Make:
    return lambda _: SponsoredOpening(**how).body


def _move(lovelace: int, *, to: int, of: int) -> Any:
    """Move lovelace from an output to another."""

    def edit(draft: Draft) -> None:
        for at, by in ((of, -lovelace), (to, lovelace)):
            value = draft.outputs[at][1]
            draft.outputs[at][1] = (
                value + by if isinstance(value, int) else [value[0] + by, value[1]]
            )

    return edit


def _dear(draft: Draft) -> None:
    """Have the fee be more than the sponsor offers to pay."""
    draft.fee += 100_001
    _move(100_001, to=2, of=1)(draft)
    value = draft.outputs[2][1]
    draft.outputs[2][1] = [value[0] - 100_001, value[1]]


def _cheap(draft: Draft) -> None:
    """Have the fee be less than the ledger takes, and the sponsor get the difference."""
    draft.outputs[1][1] += draft.fee - 150_000
    draft.fee = 150_000


def _back_elsewhere(draft: Draft) -> None:
    draft.outputs[1][0] = MERCHANT.enterprise_address


def _back_with_datum(draft: Draft) -> None:
    draft.outputs[1][2] = [1, cbor2.CBORTag(24, b"\x80")]


def _back_with_script(draft: Draft) -> None:
    draft.outputs[1][3] = cbor2.CBORTag(24, cbor2.dumps([3, ACCEPTS.body]))


def _back_with_token(draft: Draft) -> None:
    """Put tokens beside the sponsor's ada."""
    lovelace, rest = draft.outputs[1][1], draft.outputs[2][1]
    draft.outputs[1][1] = [lovelace, {TOKEN[:28]: {TOKEN[28:]: 1}}]
    draft.outputs[2][1] = [rest[0], {TOKEN[:28]: {TOKEN[28:]: rest[1][TOKEN[:28]][TOKEN[28:]] - 1}}]


def _endless(draft: Draft) -> None:
    draft.ttl = None


def _too_long(draft: Draft) -> None:
    draft.ttl = LONG_TTL


def _with_collateral(draft: Draft) -> None:
    draft.collateral = [ada_outputs(ALICE)[0][0]]


def _of_bob(draft: Draft) -> None:
    ref, output = ada_outputs(BOB)[0]
    draft.inputs.append(ref)
    draft.outputs.append(output_map(BOB.address, output.value))


def _elsewhere(ledger: Ledger, address: bytes) -> dict[str, Any]:
    """An offered output that is at another address than the offer says, as the chain has it."""
    opening = SponsoredOpening()
    ref, output = opening.offered
    ledger.put(output_map(address, output.value), ref)
    return opening.body


def _richer(ledger: Ledger) -> dict[str, Any]:
    """An offered output with more in it than the offer says, which the payer takes."""
    opening = SponsoredOpening()
    ref, output = opening.offered
    ledger.put(output_map(SPONSOR.address, Value(output.value.lovelace + 5, {})), ref)

    def takes(draft: Draft) -> None:
        lovelace, tokens = draft.outputs[2][1]
        draft.outputs[2][1] = [lovelace + 5, tokens]

    opening.edit = takes
    return opening.body


def _with_a_script(ledger: Ledger) -> dict[str, Any]:
    """An offered output with a script, which costs a fee."""
    opening = SponsoredOpening()
    ref, output = opening.offered
    script = cbor2.CBORTag(24, cbor2.dumps([3, ACCEPTS.body]))
    ledger.put({**output_map(SPONSOR.address, output.value), 3: script}, ref)
    return opening.body


def _with_tokens(ledger: Ledger) -> dict[str, Any]:
    """An offered output with a token in it, which the payer takes."""
    opening = SponsoredOpening()
    ref, output = opening.offered
    ledger.put(output_map(SPONSOR.address, Value(output.value.lovelace, {TOKEN: 7})), ref)

    def takes(draft: Draft) -> None:
        value = draft.outputs[2][1]
        names = value[1][TOKEN[:28]]
        draft.outputs[2][1] = [value[0], {TOKEN[:28]: {TOKEN[28:]: names[TOKEN[28:]] + 7}}]

    opening.edit = takes
    return opening.body


def _of_ada(_: Ledger) -> dict[str, Any]:
    """An offer beside a price in lovelace: the sponsor's ada would be the deposit."""
    own = SponsoredOpening()
    agreed = {**own.terms, "asset": "lovelace"}
    payload = {
        **own.payload,
        "channelConfig": {**own.payload["channelConfig"], "token": "lovelace"},
    }
    return request(payload, agreed)


def _settled(*signers: Any, text: Any = None, **how: Any) -> Make:
    def make(_: Ledger) -> dict[str, Any]:
        opening = SponsoredOpening(**how)
        body = opening.settlement(*signers)
        if text is not None:
            body["paymentPayload"]["payload"]["sponsorWitnesses"] = text
        return body

    return make


def _without_offer(_: Ledger) -> dict[str, Any]:
    """A witness, and requirements that have no offer."""
    body = SponsoredOpening().settlement()
    for part in (body["paymentRequirements"], body["paymentPayload"]["accepted"]):
        part["extra"] = {k: v for k, v in part["extra"].items() if k != "feeSponsor"}
    return body


OPENINGS: Mapping[str, Edit] = {
    "gives the channel more than its reserve": _move(1, to=0, of=1),
    "gives the payer a lovelace": _move(1, to=2, of=1),
    "gives the rest to another address": _back_elsewhere,
    "gives the rest back with a datum": _back_with_datum,
    "gives the rest back with a script": _back_with_script,
    "gives the rest back with tokens": _back_with_token,
    "pays too much fee": _dear,
    "has no end": _endless,
    "ends after the offer": _too_long,
    "has collateral": _with_collateral,
    "pays too small a fee": _cheap,
}
"""Openings that take more from the sponsor than it offers."""


def sponsored_cases() -> Iterator[Case]:
    refused, deposit = "fee_sponsor_refused", "deposit_transaction"
    for name, offer in {
        "with a further field": {"x": "1"},
        "at a script": {
            "address": "addr_test1wqag3rt979nep9g2wtdwu8mr4gz6m4kjdpp5zp705km8wys6t2kla"
        },
        "of more fee than it has": {"maxFee": str(10**15)},
    }.items():
        yield Case(f"an offer {name}", sponsoring(offer=offer), "extra")
    yield Case("an offer beside no word", sponsoring(extra={"areFeesSponsored": False}), "extra")
    yield Case("an offer for lovelace", _of_ada, "extra")
    for name, edit in OPENINGS.items():
        yield Case(f"a sponsored opening that {name}", sponsoring(edit=edit), refused)
    short = sponsoring(
        edit=lambda draft: draft.outputs.__setitem__(
            0, {**draft.outputs[0], 1: [draft.outputs[0][1][0] - 1, draft.outputs[0][1][1]]}
        )
    )
    yield Case("a sponsored opening below the reserve", short, deposit)
    yield Case(
        "a sponsored opening with a mint",
        sponsoring(edit=field(9, {ACCEPTS.hash: {b"x": 1}})),
        deposit,
    )
    yield Case("a sponsored opening that has ended", sponsoring(edit=in_the_past), deposit)
    yield Case("a sponsored opening that nobody signed", sponsoring(edit=unsigned), deposit)
    yield Case("a sponsored opening with a stranger's input", sponsoring(edit=_of_bob), deposit)
    yield Case("an offered output with more in it", _richer, refused)
    yield Case("an offered output with a script", _with_a_script, refused)
    for name, address, reason in (
        ("at another address of the key", SPONSOR.enterprise_address, refused),
        ("at another's address", BOB.address, deposit),
    ):
        make = partial(_elsewhere, address=address)
        yield Case(f"an offered output {name}", make, reason)
    yield Case("an offered output with tokens", _with_tokens, refused)
    own = {"offered": ada_outputs(ALICE)[0], "offer": {"address": ALICE.bech32}}
    yield Case("an offer of the client's own", sponsoring(**own, edit=unsigned), refused)
    missing, invalid = "fee_sponsor_witness_missing", "fee_sponsor_witness_invalid"
    yield Case("no sponsor's signature", sponsoring(), missing, settles=True)
    yield Case("another's signature", _settled(BOB), invalid, settles=True)
    yield Case("another's signature too", _settled(SPONSOR, BOB), invalid, settles=True)
    yield Case("a signature that is no hex", _settled(text="xyz"), invalid, settles=True)
    yield Case("a signature of garbage", _settled(text="80"), invalid, settles=True)
    yield Case("a signature that is a number", _settled(text=5), invalid, settles=True)
    yield Case("a signature without an offer", _without_offer, invalid, settles=True)
