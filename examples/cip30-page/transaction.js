// The transaction that pays, by Emurgo's library.

import * as csl from "./csl.js";

// What a bundler would do: the library's WebAssembly, bound to its JavaScript.
const { instance } = await WebAssembly.instantiateStreaming(fetch("csl.wasm"), {
  "./cardano_serialization_lib_bg.js": csl,
});
csl.__wbg_set_wasm(instance.exports);
instance.exports.__wbindgen_start();
export { csl };

const VALID = 0.9; // of the time that the seller allows, whose clock may be behind

const number = (value) => csl.BigNum.from_str(String(value));

function builder({ parameters }) {
  const fee = csl.LinearFee.new(number(parameters.min_fee_a), number(parameters.min_fee_b));
  const config = csl.TransactionBuilderConfigBuilder.new()
    .fee_algo(fee)
    .pool_deposit(number(parameters.pool_deposit))
    .key_deposit(number(parameters.key_deposit))
    .max_value_size(Number(parameters.max_val_size))
    .max_tx_size(parameters.max_tx_size)
    .coins_per_utxo_byte(number(parameters.coins_per_utxo_size));
  return csl.TransactionBuilder.new(config.build());
}

// An unsigned transaction from what CIP-30's getUtxos and getChangeAddress return, in hex.
export function build(terms, utxos, changeAddress, chain) {
  const transaction = builder(chain);
  const value = csl.Value.new(number(terms.amount));
  transaction.add_output(csl.TransactionOutput.new(csl.Address.from_bech32(terms.payTo), value));
  transaction.set_ttl_bignum(number(chain.slot + Math.floor(VALID * terms.maxTimeoutSeconds)));
  const inputs = csl.TransactionUnspentOutputs.new();
  utxos.forEach((hex) => inputs.add(csl.TransactionUnspentOutput.from_hex(hex)));
  const change = csl.ChangeConfig.new(csl.Address.from_hex(changeAddress));
  const strategy = csl.CoinSelectionStrategyCIP2.LargestFirstMultiAsset;
  try {
    transaction.add_inputs_from_and_change(inputs, strategy, change);
  } catch (error) {
    throw new Error(`The wallet has too little for the price and the fee: ${error.message ?? error}`);
  }
  const body = transaction.build();
  const spent = body.inputs().get(0);
  const fixed = csl.FixedTransaction.new_from_body_bytes(body.to_bytes());
  return {
    hex: fixed.to_hex(),
    id: fixed.transaction_hash().to_hex(),
    nonce: `${spent.transaction_id().to_hex()}#${spent.index()}`,
  };
}

// The transaction in base64, with the witness set that CIP-30's signTx returned, in hex. The body
// keeps the bytes that were signed.
export function signed(unsigned, witnesses) {
  const transaction = csl.FixedTransaction.from_hex(unsigned);
  const keys = csl.TransactionWitnessSet.from_hex(witnesses).vkeys();
  for (let index = 0; index < (keys?.len() ?? 0); index += 1) {
    transaction.add_vkey_witness(keys.get(index));
  }
  return btoa(String.fromCharCode(...transaction.to_bytes()));
}
