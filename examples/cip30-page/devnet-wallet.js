// A wallet for the devnet, where extensions of browsers have no money: CIP-30, with bob's key.

import { csl } from "./transaction.js";

// Anyone knows it: the Blake2b-256 of "x402 devnet payment key: bob".
const KEY = "7b2bbba5d6c959487ddcc9eec9694a80f6961816c947547cae0403a09edea7c9";
const ADDRESS =
  "addr_test1qr7lusm37z5gpwuce3fptkqjc4qpwpdm355q7el959qgkagc2ls7rxvwtetjxxl84pgtt3dl38lh0ur2ac840kp8pqxqlfgf7j";

const POLICY_DIGITS = 56; // of a unit in hexadecimal; the rest is the asset's name

const bytes = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (digits) => parseInt(digits, 16));

// Amounts as Blockfrost has them.
function value(amounts) {
  const total = csl.Value.new(csl.BigNum.zero());
  const tokens = csl.MultiAsset.new();
  for (const { unit, quantity } of amounts) {
    const number = csl.BigNum.from_str(quantity);
    if (unit === "lovelace") {
      total.set_coin(number);
    } else {
      const policy = csl.ScriptHash.from_hex(unit.slice(0, POLICY_DIGITS));
      tokens.set_asset(policy, csl.AssetName.new(bytes(unit.slice(POLICY_DIGITS))), number);
    }
  }
  if (tokens.len()) total.set_multiasset(tokens);
  return total;
}

async function getUtxos() {
  const outputs = await (await fetch(`utxos/${ADDRESS}`)).json();
  return outputs.map(({ tx_hash, output_index, amount }) => {
    const input = csl.TransactionInput.new(csl.TransactionHash.from_hex(tx_hash), output_index);
    const output = csl.TransactionOutput.new(csl.Address.from_bech32(ADDRESS), value(amount));
    return csl.TransactionUnspentOutput.new(input, output).to_hex();
  });
}

async function signTx(hex) {
  if (!window.confirm("Sign the payment?")) throw { code: 2, info: "user declined sign tx" };
  const id = csl.FixedTransaction.from_hex(hex).transaction_hash();
  const keys = csl.Vkeywitnesses.new();
  keys.add(csl.make_vkey_witness(id, csl.PrivateKey.from_hex(KEY)));
  const witnesses = csl.TransactionWitnessSet.new();
  witnesses.set_vkeys(keys);
  return witnesses.to_hex();
}

const api = {
  getNetworkId: async () => 0,
  getUtxos,
  getChangeAddress: async () => csl.Address.from_bech32(ADDRESS).to_hex(),
  signTx,
};

window.cardano ??= {};
window.cardano.devnet = { name: "the devnet's wallet", apiVersion: "1", enable: async () => api };
