"""What the API shows of the chain, and when."""

from collections.abc import Callable

import pytest

from facilitator.cardano.addresses import bech32
from facilitator.cardano.addresses.address import format_address
from facilitator.cardano.codec.transaction_decoder import decode_output, decode_transaction
from facilitator.cardano.transaction import OutputRef, Value
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.encoding import encode_output
from facilitator_devnet.genesis import TEST_TOKEN, genesis_transactions, wallets
from facilitator_devnet.wallet import Wallet, key_hash, pay
from support.blockfrost_api_client import BlockfrostApiClient
from support.rich_devnet import rich_transaction

Payment = Callable[..., bytes]
PEOPLE = wallets("cardano:preprod")
ALICE = PEOPLE["alice"]
MERCHANT = PEOPLE["merchant"]


def test_a_submitted_transaction_is_in_the_mempool_and_nowhere_else(
    client: BlockfrostApiClient, payment: Payment
) -> None:
    raw = payment()
    spent = decode_transaction(raw).body.inputs[0]
    name = client.ask("/tx/submit", raw).json
    assert client.get("/mempool") == [{"tx_hash": name}]
    assert client.get(f"/mempool/{name}")["inputs"][0]["tx_hash"] == spent.transaction_id.hex()
    for person in (ALICE, MERCHANT):
        assert client.get(f"/mempool/addresses/{person.bech32}") == [{"tx_hash": name}]
    assert client.get(f"/mempool/addresses/{PEOPLE['carol'].bech32}") == []
    for part in ("", "/utxos", "/cbor", "/metadata"):
        assert client.ask(f"/txs/{name}{part}").status == 404
    assert client.get(f"/txs/{spent.transaction_id.hex()}/utxos")["outputs"][0][
        "consumed_by_tx"
    ] is None  # fmt: skip
    assert _refs(client, ALICE.bech32) >= {spent}


def test_a_block_takes_it_out_of_the_mempool_and_marks_what_it_spent(
    client: BlockfrostApiClient, devnet: Devnet, payment: Payment
) -> None:
    raw = payment()
    spent = decode_transaction(raw).body.inputs[0]
    name = client.ask("/tx/submit", raw).json
    block = devnet.produce_block()
    assert client.get("/mempool") == []
    assert client.ask(f"/mempool/{name}").status == 404
    told = client.get(f"/txs/{name}")
    assert (told["block"], told["block_height"], told["slot"]) == (
        block.point.block, block.height, block.point.slot,
    )  # fmt: skip
    assert client.get(f"/txs/{name}/cbor") == {"cbor": raw.hex()}
    assert client.get(f"/blocks/{block.point.block}/txs") == [name]
    assert client.get("/blocks/latest/txs/cbor") == [{"tx_hash": name, "cbor": raw.hex()}]
    outputs = client.get(f"/txs/{spent.transaction_id.hex()}/utxos")["outputs"]
    assert outputs[spent.index]["consumed_by_tx"] == name
    assert [each["consumed_by_tx"] for each in outputs].count(name) == 1
    assert spent not in _refs(client, ALICE.bech32)
    assert OutputRef(bytes.fromhex(name), 0) in _refs(client, MERCHANT.bech32)
    assert client.get(f"/addresses/{MERCHANT.bech32}/transactions?order=desc")[0]["tx_hash"] == name


def test_a_rollback_takes_back_all_of_it(
    client: BlockfrostApiClient, devnet: Devnet, payment: Payment
) -> None:
    before = _shown(client)
    raw = payment()
    name = client.ask("/tx/submit", raw).json
    block = client.tell("POST", "block")
    assert block["transactions"] == [name]
    assert client.tell("POST", "rollback", blocks=1, drop=True)["height"] == 0
    assert client.ask(f"/blocks/{block['hash']}").status == 404
    assert client.ask(f"/blocks/{block['hash']}/next").status == 404
    assert client.ask(f"/txs/{name}").status == 404
    assert client.get("/mempool") == []
    assert _shown(client) == before
    again = devnet.produce_block()
    assert again.point.block != block["hash"]


def test_a_rollback_without_dropping_returns_it_to_the_mempool(
    client: BlockfrostApiClient, payment: Payment
) -> None:
    name = client.ask("/tx/submit", payment()).json
    client.tell("POST", "block")
    client.tell("POST", "rollback", blocks=1)
    assert client.get("/mempool") == [{"tx_hash": name}]
    assert client.ask(f"/txs/{name}").status == 404


def test_scripts_data_and_assets_go_with_a_rollback(
    client: BlockfrostApiClient, devnet: Devnet
) -> None:
    rich = rich_transaction(devnet, ALICE)
    client.ask("/tx/submit", rich.raw)
    devnet.produce_block()
    paths = [
        f"/scripts/{rich.policy.hex()}/json",
        f"/scripts/datum/{rich.datum_hash.hex()}",
        f"/assets/{(rich.policy + b'token').hex()}",
        f"/addresses/{format_address(ALICE.enterprise_address)}",
    ]
    assert {client.ask(path).status for path in paths} == {200}
    devnet.rollback(1, drop=True)
    assert {client.ask(path).status for path in paths} == {404}


def test_genesis_outputs_come_from_transactions_like_others(client: BlockfrostApiClient) -> None:
    names = client.get("/blocks/0/txs")
    given = genesis_transactions("cardano:preprod")
    assert names == [each.id.hex() for each in given]
    for name, transaction in zip(names, given, strict=True):
        told = client.get(f"/txs/{name}")
        assert (told["block_height"], told["fees"]) == (0, "0")
        raw = bytes.fromhex(client.get(f"/txs/{name}/cbor")["cbor"])
        assert decode_transaction(raw).id.hex() == name
        outputs = client.get(f"/txs/{name}/utxos")["outputs"]
        assert [each["output_index"] for each in outputs] == list(range(8))
        assert {each["address"] for each in outputs} == {
            format_address(transaction.body.outputs[0].address)
        }
    asset = client.get(f"/assets/{TEST_TOKEN.hex()}")
    assert asset["initial_mint_tx_hash"] in names
    assert asset["quantity"] == str(12 * 1_000_000_000)


def test_the_faucet_gives_at_once(client: BlockfrostApiClient) -> None:
    address = Wallet("somebody").bech32
    assert client.ask(f"/addresses/{address}/utxos").status == 404
    given = client.tell(
        "POST", "faucet", address=address, lovelace=5_000_000, assets={TEST_TOKEN.hex(): 7}
    )
    (utxo,) = client.get(f"/addresses/{address}/utxos")
    assert (utxo["tx_hash"], utxo["output_index"]) == (given["tx_hash"], 0)
    assert utxo["amount"] == [
        {"unit": "lovelace", "quantity": "5000000"},
        {"unit": TEST_TOKEN.hex(), "quantity": "7"},
    ]
    outputs = client.get(f"/txs/{given['tx_hash']}/utxos")["outputs"]
    assert outputs[0]["consumed_by_tx"] is None
    assert given["tx_hash"] in [
        each["tx_hash"] for each in client.get(f"/addresses/{address}/transactions")
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"address": "addr_test1nonsense", "lovelace": 1},
        {"address": ALICE.bech32, "lovelace": 0},
        {"address": ALICE.bech32, "lovelace": "1"},
        {"address": ALICE.bech32, "lovelace": 1, "assets": {"zz": 1}},
        {"address": ALICE.bech32, "lovelace": 1, "assets": []},
        {"address": ALICE.bech32, "lovelace": 1, "assets": {TEST_TOKEN.hex(): 2**63}},
    ],
)
def test_the_faucet_says_what_it_cannot_give(
    client: BlockfrostApiClient, arguments: dict[str, object]
) -> None:
    assert client.refused("faucet", **arguments)


def test_outputs_that_were_loaded_are_there(client: BlockfrostApiClient, devnet: Devnet) -> None:
    address = Wallet("somebody").address
    output = decode_output(encode_output(address, Value(3_000_000, {})))
    refs = [OutputRef(b"\x07" * 32, number) for number in (2, 5)]
    devnet.load(dict.fromkeys(refs, output))
    devnet.load({refs[0]: output})
    assert _refs(client, format_address(address)) == set(refs)
    outputs = client.get(f"/txs/{'07' * 32}/utxos")["outputs"]
    assert [each["output_index"] for each in outputs] == [2, 5]
    assert client.get(f"/txs/{'07' * 32}")["output_amount"][0]["quantity"] == "6000000"
    assert client.ask(f"/txs/{'07' * 32}/cbor").status == 404
    raw = pay(
        Wallet("somebody"), {refs[1]: output}, ALICE.address, 1_000_000,
        parameters=devnet.parameters(), ttl=devnet.now() + 100,
    )  # fmt: skip
    name = client.ask("/tx/submit", raw).json
    devnet.produce_block()
    outputs = client.get(f"/txs/{'07' * 32}/utxos")["outputs"]
    assert [each["consumed_by_tx"] for each in outputs] == [None, name]


def test_addresses_can_be_asked_by_their_payment_part(client: BlockfrostApiClient) -> None:
    text = bech32.encode("addr_vkh", key_hash(ALICE.payment_key))
    assert _refs(client, text) == _refs(client, ALICE.bech32)
    assert client.get(f"/addresses/{text}")["address"] == text


def test_an_account_holds_what_its_addresses_hold(
    client: BlockfrostApiClient, devnet: Devnet
) -> None:
    stake = format_address(ALICE.reward_address)
    before = client.get(f"/accounts/{stake}")
    assert (before["registered"], before["controlled_amount"]) == (False, "5030000000")
    held = client.get(f"/accounts/{stake}/utxos")
    assert {each["address"] for each in held} == {ALICE.bech32}
    client.ask("/tx/submit", rich_transaction(devnet, ALICE).raw)
    devnet.produce_block()
    after = client.get(f"/accounts/{stake}")
    assert (after["registered"], after["drep_id"]) == (True, "drep_always_abstain")


def test_native_scripts_data_and_metadata_are_told_as_json(
    client: BlockfrostApiClient, devnet: Devnet
) -> None:
    rich = rich_transaction(devnet, ALICE)
    name = client.ask("/tx/submit", rich.raw).json
    devnet.produce_block()
    script = client.get(f"/scripts/{rich.policy.hex()}/json")["json"]
    assert script == {
        "type": "all",
        "scripts": [
            {"type": "sig", "keyHash": key_hash(ALICE.payment_key).hex()},
            {"type": "atLeast", "required": 1, "scripts": [{"type": "after", "slot": 0}]},
            {"type": "any", "scripts": [{"type": "before", "slot": 2**32}]},
        ],
    }
    assert client.get(f"/scripts/datum/{rich.datum_hash.hex()}")["json_value"] == {
        "constructor": 0,
        "fields": [
            {"int": 1},
            {"bytes": "0102"},
            {"list": [{"int": 2}, {"int": 3}]},
            {"map": [{"k": {"bytes": "6b"}, "v": {"constructor": 7, "fields": []}}]},
            {"int": -(2**70)},
        ],
    }
    assert client.get(f"/txs/{name}/metadata") == [
        {"label": "674", "json_metadata": {"msg": ["thank you"], "1": "0xff"}},
        {"label": "721", "json_metadata": [1, -2]},
    ]


def test_blocks_are_found_by_hash_height_and_slot(
    client: BlockfrostApiClient, devnet: Devnet
) -> None:
    blocks = [devnet.produce_block() for _ in range(5)]
    for block in blocks:
        for name in (block.point.block, block.height, f"slot/{block.point.slot}"):
            assert client.get(f"/blocks/{name}")["hash"] == block.point.block
    hashes = [block.point.block for block in blocks]
    assert _hashes(client, f"/blocks/{hashes[1]}/next") == hashes[2:]
    assert _hashes(client, f"/blocks/{hashes[0]}/next?count=2&page=2") == hashes[3:]
    assert _hashes(client, f"/blocks/{hashes[4]}/previous?count=2") == hashes[2:4]
    assert _hashes(client, f"/blocks/{hashes[4]}/previous?count=2&page=2") == hashes[:2]
    assert client.get("/blocks/latest")["confirmations"] == 0
    told = client.get(f"/blocks/{hashes[3]}")
    assert (told["previous_block"], told["next_block"]) == (hashes[2], hashes[4])
    assert told["confirmations"] == 1
    assert client.get("/blocks/0")["previous_block"] is None
    for missing in (f"slot/{blocks[-1].point.slot + 1}", "6", "ff" * 32):
        assert client.ask(f"/blocks/{missing}").status == 404


def test_an_epoch_adds_up_its_blocks(
    client: BlockfrostApiClient, devnet: Devnet, payment: Payment
) -> None:
    fees = 0
    for sender in ("alice", "bob"):
        raw = payment(sender=sender)
        fees += decode_transaction(raw).body.fee
        client.ask("/tx/submit", raw)
        devnet.produce_block()
    told = client.get("/epochs/latest")
    assert (told["block_count"], told["tx_count"], told["fees"]) == (3, 6, str(fees))
    assert client.get(f"/epochs/{told['epoch']}") == told
    assert client.ask(f"/epochs/{told['epoch'] + 1}").status == 404
    supply = client.get("/network")["supply"]
    assert int(supply["circulating"]) == 4 * 5_030_000_000 - fees


def test_lists_come_in_pages_in_either_order(client: BlockfrostApiClient) -> None:
    path = f"/addresses/{ALICE.bech32}/utxos"
    everything = client.get(path)
    assert [each["output_index"] for each in everything] == list(range(8))
    assert client.get(f"{path}?order=desc") == everything[::-1]
    assert client.get(f"{path}?count=3&page=3") == everything[6:]
    assert client.get(f"{path}?count=3&page=4") == []
    assert client.get(f"{path}?count=3&page=1&order=desc") == everything[:4:-1]
    assert client.get(f"{path}?count=3&page=3&order=desc") == everything[1::-1]
    token = client.get(f"{path}/{TEST_TOKEN.hex()}")
    assert [each["output_index"] for each in token] == [5, 6, 7]
    assert client.get(f"{path}/lovelace") == everything


def test_a_history_can_be_bounded_by_blocks(
    client: BlockfrostApiClient, devnet: Devnet, payment: Payment
) -> None:
    for sender in ("alice", "bob", "carol"):
        client.ask("/tx/submit", payment(sender=sender))
        devnet.produce_block()
    path = f"/addresses/{MERCHANT.bech32}/transactions"
    assert [each["block_height"] for each in client.get(path)] == [0, 1, 2, 3]
    assert [each["block_height"] for each in client.get(f"{path}?from=2&to=3")] == [2, 3]
    assert [each["block_height"] for each in client.get(f"{path}?from=1:1")] == [2, 3]


def _shown(client: BlockfrostApiClient) -> object:
    people = [each.bech32 for each in PEOPLE.values()]
    return [
        (client.get(f"/addresses/{each}/utxos"), client.get(f"/addresses/{each}/transactions"))
        for each in people
    ]


def _refs(client: BlockfrostApiClient, address: str) -> set[OutputRef]:
    return {
        OutputRef(bytes.fromhex(each["tx_hash"]), each["output_index"])
        for each in client.get(f"/addresses/{address}/utxos")
    }


def _hashes(client: BlockfrostApiClient, path: str) -> list[str]:
    return [each["hash"] for each in client.get(path)]
