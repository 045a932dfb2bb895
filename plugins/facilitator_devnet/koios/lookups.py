"""The rows of Koios' answers."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from facilitator.cardano.addresses.address import parse_address, reward_credential
from facilitator.cardano.output_ref import parse_output_ref
from facilitator.cardano.transaction import Output, OutputRef
from facilitator.x402.networks import cardano_network
from facilitator_devnet.blockfrost.errors import ApiError
from facilitator_devnet.blockfrost.network import ACTIVE_SLOTS, CONSTANTS, MAX_SUPPLY, USUAL
from facilitator_devnet.blockfrost.parameters import parameters_json
from facilitator_devnet.blockfrost.values import address_text
from facilitator_devnet.blockfrost.view import View
from facilitator_devnet.blocks import Made
from facilitator_devnet.encoding import POLICY_BYTES
from facilitator_devnet.genesis import epochs_of, eras_of
from facilitator_devnet.index import Entry, datum_hash
from facilitator_devnet.protocol import era_name

Row: TypeAlias = dict[str, Any]
Question: TypeAlias = Mapping[str, Any]

_SMALLINT = 2**15


def tip(view: View, question: Question) -> Iterator[Row]:  # noqa: ARG001
    """Answer ``/tip``."""
    block = view.tip.block
    row = _block(view, view.tip)
    yield {
        "hash": block.point.block,
        "epoch_no": row["epoch_no"],
        "era": era_name(view.chain.schedule.at(block.point.slot)),
        "abs_slot": block.point.slot,
        "epoch_slot": row["epoch_slot"],
        "block_height": block.height,
        "block_no": block.height,
        "block_time": row["block_time"],
    }


def genesis(view: View, question: Question) -> Iterator[Row]:  # noqa: ARG001
    """Answer ``/genesis``."""
    network = view.chain.network
    eras, constants = eras_of(network).eras, CONSTANTS.get(network, USUAL)
    yield {
        "networkmagic": str(cardano_network(network).magic),
        "networkid": "Mainnet" if cardano_network(network).network_id else "Testnet",
        "activeslotcoeff": str(ACTIVE_SLOTS),
        "updatequorum": "5",
        "maxlovelacesupply": str(MAX_SUPPLY),
        "epochlength": str(epochs_of(network).slots),
        "systemstart": eras[0].start_ms // 1000,
        "slotsperkesperiod": "129600",
        "slotlength": str(eras[-1].slot_ms // 1000),
        "maxkesrevolutions": "62",
        "securityparam": str(constants.security_parameter),
        "alonzogenesis": "{}",
    }


def epoch_params(view: View, question: Question) -> Iterator[Row]:
    """Answer ``/epoch_params`` for an epoch that has begun."""
    newest = epochs_of(view.chain.network).at(view.tip.block.point.slot)
    wanted = int(question.get("_epoch_no", newest))
    if wanted > newest:
        return
    shown = parameters_json(view.chain.parameters, wanted)
    names = {
        "epoch_no": "epoch",
        "max_epoch": "e_max",
        "protocol_major": "protocol_major_ver",
        "protocol_minor": "protocol_minor_ver",
        "cost_models": "cost_models_raw",
    }
    same = (
        "min_fee_a", "min_fee_b", "max_block_size", "max_tx_size", "key_deposit", "pool_deposit",
        "min_pool_cost", "price_mem", "price_step", "collateral_percent", "max_collateral_inputs",
        "coins_per_utxo_size", "gov_action_deposit", "drep_deposit",
        "min_fee_ref_script_cost_per_byte",
    )  # fmt: skip
    numbers = ("max_tx_ex_mem", "max_tx_ex_steps", "max_val_size")
    yield {
        **{name: shown[name] for name in same},
        **{name: int(shown[name]) for name in numbers},
        **{name: shown[other] for name, other in names.items()},
        "era": era_name(shown["protocol_major_ver"]),
    }


def proposal_list(view: View, question: Question) -> Iterator[Row]:  # noqa: ARG001
    """Answer ``/proposal_list``: an action for the hard fork, until it is enacted."""
    slot = view.tip.block.point.slot
    version = view.chain.schedule.next_after(slot)
    if version is not None:
        proposed = {"tag": "HardForkInitiation", "contents": [None, {"major": version, "minor": 0}]}
        yield {
            "block_time": 0,
            "proposal_type": "HardForkInitiation",
            "proposal_description": proposed,
            "ratified_epoch": epochs_of(view.chain.network).at(slot),
            "enacted_epoch": None,
        }


def blocks(view: View, question: Question) -> Iterator[Row]:  # noqa: ARG001
    """Answer ``/blocks``, the newest first."""
    for made in reversed(view.blocks):
        yield _block(view, made)


def block_tx_cbor(view: View, question: Question) -> Iterator[Row]:
    """Answer ``/block_tx_cbor``."""
    for made in _blocks(view, question):
        for transaction in made.block.transactions:
            yield _with_cbor(view, transaction)


def tx_cbor(view: View, question: Question) -> Iterator[Row]:
    """Answer ``/tx_cbor``."""
    for name in _hashes(question, "_tx_hashes"):
        if _entry(view, name) is not None:
            yield _with_cbor(view, name)


def tx_info(view: View, question: Question) -> Iterator[Row]:
    """Answer ``/tx_info``, as far as inputs go."""
    for name in _hashes(question, "_tx_hashes"):
        if (entry := _entry(view, name)) is not None:
            body = entry.transaction.body
            yield {
                "tx_hash": name,
                "valid_contract": entry.transaction.is_valid,
                "inputs": [_ref(ref) for ref in body.inputs],
                "collateral_inputs": [_ref(ref) for ref in body.collateral],
            }


def utxo_info(view: View, question: Question) -> Iterator[Row]:
    """Answer ``/utxo_info``."""
    for text in question.get("_utxo_refs", []):
        ref = parse_output_ref(text, is_lax=True)
        if ref.index >= _SMALLINT:
            raise ApiError(400, f'value "{ref.index}" is out of range for type smallint')
        entry = _entry(view, ref.transaction_id.hex())
        if entry is not None and ref.index in entry.outputs:
            yield _output(view, ref, entry.outputs[ref.index], question)


def address_utxos(view: View, question: Question) -> Iterator[Row]:
    """Answer ``/address_utxos``."""
    for text in question.get("_addresses", []):
        for _, ref in view.unspent(("address", parse_address(text))):
            yield _output(view, ref, view.output(ref), question)


def address_txs(view: View, question: Question) -> Iterator[Row]:
    """Answer ``/address_txs``, the newest first."""
    since = question.get("_after_block_height", 0)
    for text in question.get("_addresses", []):
        for place, name in reversed(view.history(("address", parse_address(text)))):
            if since <= place.height:
                block = _block(view, view.blocks[place.height])
                yield {
                    "tx_hash": name,
                    "epoch_no": block["epoch_no"],
                    "block_height": place.height,
                    "block_time": block["block_time"],
                }


def account_info(view: View, question: Question) -> Iterator[Row]:
    """Answer ``/account_info`` as of the tip, with any view."""
    for text in question.get("_stake_addresses", []):
        credential = reward_credential(parse_address(text))
        if credential not in view.chain.ledger.accounts:
            continue
        found = view.chain.ledger.accounts[credential]
        yield {
            "stake_address": text,
            "status": "registered" if found else "not registered",
            "delegated_drep": "drep_always_abstain" if found and found.drep else None,
            "delegated_pool": None,
            "rewards_available": str(found.reward if found else 0),
            "deposit": str(found.deposit if found else 0),
        }


def _entry(view: View, name: str) -> Entry | None:
    entry = view.chain.index.entries.get(name)
    return None if entry is None or entry.place.height > view.height else entry


def _blocks(view: View, question: Question) -> Iterator[Made]:
    for name in _hashes(question, "_block_hashes"):
        height = view.chain.heights.get(name)
        if height is not None and height <= view.height:
            yield view.chain.blocks[height]


def _hashes(question: Question, name: str) -> Sequence[str]:
    hashes = question.get(name)
    if not isinstance(hashes, list) or not all(isinstance(each, str) for each in hashes):
        raise ApiError(400, f"{name} must be a list of texts")
    return hashes


def _block(view: View, made: Made) -> Row:
    block, epochs = made.block, epochs_of(view.chain.network)
    slot = block.point.slot
    return {
        "hash": block.point.block,
        "epoch_no": epochs.at(slot),
        "abs_slot": slot,
        "epoch_slot": slot - epochs.first_slot(epochs.at(slot)),
        "block_height": block.height,
        "block_size": sum(each.size for each in made.transactions),
        "block_time": view.time(slot),
        "tx_count": len(made.transactions),
        "parent_hash": block.parent if block.height else None,
    }


def _with_cbor(view: View, name: str) -> Row:
    entry = view.chain.index.entries[name]
    block = view.chain.blocks[entry.place.height].block
    return {
        "tx_hash": name,
        "block_hash": block.point.block,
        "block_height": block.height,
        "epoch_no": epochs_of(view.chain.network).at(block.point.slot),
        "absolute_slot": block.point.slot,
        "tx_timestamp": view.time(block.point.slot),
        "cbor": view.cbor(entry).hex() or None,
        "valid_contract": entry.transaction.is_valid,
    }


def _output(view: View, ref: OutputRef, output: Output, question: Question) -> Row:
    extended = question.get("_extended") is True
    script, datum = output.script, output.datum
    data = output.datum_hash if datum is None else datum_hash(datum)
    place = view.chain.index.entries[ref.transaction_id.hex()].place
    return {
        **_ref(ref),
        "address": address_text(output.address),
        "value": str(output.value.lovelace),
        "block_height": place.height,
        "datum_hash": None if data is None else data.hex(),
        "inline_datum": {"bytes": datum.hex(), "value": {}} if datum and extended else None,
        "reference_script": {"hash": script.hash.hex()} if script and extended else None,
        "asset_list": _assets(output) if extended else None,
        "is_spent": view.consumer(ref) is not None,
    }


def _assets(output: Output) -> list[Row]:
    return [
        {
            "policy_id": asset[:POLICY_BYTES].hex(),
            "asset_name": asset[POLICY_BYTES:].hex(),
            "quantity": str(quantity),
        }
        for asset, quantity in sorted(output.value.assets.items())
    ]


def _ref(ref: OutputRef) -> Row:
    return {"tx_hash": ref.transaction_id.hex(), "tx_index": ref.index}


GETS: Mapping[str, Callable[[View, Question], Iterator[Row]]] = {
    "/tip": tip,
    "/genesis": genesis,
    "/epoch_params": epoch_params,
    "/blocks": blocks,
    "/proposal_list": proposal_list,
}
"""The look-ups by GET; their question is the query."""
POSTS: Mapping[str, Callable[[View, Question], Iterator[Row]]] = {
    "/block_tx_cbor": block_tx_cbor,
    "/tx_cbor": tx_cbor,
    "/tx_info": tx_info,
    "/utxo_info": utxo_info,
    "/address_utxos": address_utxos,
    "/address_txs": address_txs,
    "/account_info": account_info,
}
"""The look-ups by POST; their question is the body."""
