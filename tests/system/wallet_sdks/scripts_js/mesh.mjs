// node mesh.mjs address | [VERSION CODE]...
// By Mesh, pays 5 ada to each script with the datum 42, and takes them back. The code is in CBOR twice.

import { BlockfrostProvider, MeshTxBuilder, MeshWallet, serializePlutusScript } from "@meshsdk/core";

const DATUM = 42;

const parts = process.argv.slice(2);
const { BLOCKFROST_URL: url, WALLET_SEED: seed } = process.env;
const provider = new BlockfrostProvider(url);
const key = { type: "mnemonic", words: seed.split(" ") };
const wallet = new MeshWallet({ networkId: 0, fetcher: provider, submitter: provider, key });
await wallet.init();
const own = await wallet.getChangeAddress();

const begin = async () =>
  new MeshTxBuilder({ fetcher: provider, evaluator: provider })
    .protocolParams(await provider.fetchProtocolParameters())
    .changeAddress(own)
    .selectUtxosFrom(await wallet.getUtxos());

async function send(builder) {
  const id = await wallet.submitTx(await wallet.signTx(await builder.complete()));
  await new Promise((resolve) => provider.onTxConfirmed(id, resolve));
  return id;
}

async function there_and_back(version, code) {
  const { address } = serializePlutusScript({ code, version }, undefined, 0);
  const amount = [{ unit: "lovelace", quantity: "5000000" }];
  const id = await send((await begin()).txOut(address, amount).txOutInlineDatumValue(DATUM));
  const [collateral] = await wallet.getUtxos();
  const { txHash, outputIndex } = collateral.input;
  const taking = await begin();
  taking[`spendingPlutusScript${version}`]()
    .txIn(id, 0, amount, address)
    .txInInlineDatumPresent()
    .txInRedeemerValue(DATUM)
    .txInScript(code)
    .txInCollateral(txHash, outputIndex, collateral.output.amount, own);
  return send(taking);
}

const ids = [];
for (let at = 0; at + 1 < parts.length; at += 2) {
  ids.push(await there_and_back(parts[at], parts[at + 1]));
}
console.log(parts[0] === "address" ? own : JSON.stringify(ids));
