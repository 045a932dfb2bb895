// node lucid.mjs address | [VERSION CODE]...
// By Lucid Evolution, pays 5 ada to each script with the datum 42, and takes them back. Prints for each the units
// by Lucid's own evaluator and by the provider's.

import { Blockfrost, Data, Lucid, validatorToAddress } from "@lucid-evolution/lucid";

const POLL_MS = 500;
const DATUM = Data.to(42n);

const parts = process.argv.slice(2);
const { BLOCKFROST_URL: url, WALLET_SEED: seed } = process.env;
const lucid = await Lucid(new Blockfrost(url), "Preprod");
lucid.selectWallet.fromSeed(seed);

async function send(unsigned) {
  const signed = await unsigned.sign.withWallet().complete();
  await lucid.awaitTx(await signed.submit(), POLL_MS);
}

function units(unsigned) {
  const redeemers = unsigned.toTransaction().witness_set().redeemers().as_arr_legacy_redeemer();
  const used = redeemers.get(0).ex_units();
  return [Number(used.mem()), Number(used.steps())];
}

async function there_and_back(script) {
  const address = validatorToAddress("Preprod", script);
  const datum = { kind: "inline", value: DATUM };
  await send(await lucid.newTx().pay.ToContract(address, datum, { lovelace: 5_000_000n }).complete());
  const locked = await lucid.utxosAt(address);
  const take = (localUPLCEval) =>
    lucid.newTx().collectFrom(locked, DATUM).attach.SpendingValidator(script).complete({ localUPLCEval });
  const own = await take(true);
  const provided = await take(false);
  await send(provided);
  return { own: units(own), provided: units(provided) };
}

const answers = [];
for (let at = 0; at + 1 < parts.length; at += 2) {
  answers.push(await there_and_back({ type: `Plutus${parts[at]}`, script: parts[at + 1] }));
}
console.log(parts[0] === "address" ? await lucid.wallet().address() : JSON.stringify(answers));
