// node ask.mjs TRANSACTION ADDRESS: submit it, wait for its block, and print what was answered.

import { BlockFrostAPI } from "@blockfrost/blockfrost-js";

const POLL_MS = 200;

const [transaction, address] = process.argv.slice(2);
const api = new BlockFrostAPI({ customBackend: process.env.BLOCKFROST_URL });

async function once(ask) {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (error.status_code !== 404) throw error;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
}

async function refusal(answer) {
  try {
    return await answer;
  } catch ({ name, status_code, error, message }) {
    return { name, status_code, error, message };
  }
}

const before = await api.addressesUtxosAll(address);
const id = await api.txSubmit(transaction);
const found = await once(() => api.txs(id));

const answers = {
  before,
  id,
  found,
  block: await api.blocks(found.block),
  cbor: await api.txsCbor(id),
  utxos: await api.txsUtxos(id),
  after: await api.addressesUtxosAll(address),
  parameters: await api.epochsLatestParameters(),
  eras: await api.networkEras(),
  genesis: await api.genesis(),
  health: await api.health(),
  unknown: await refusal(api.txs("00".repeat(32))),
  again: await refusal(api.txSubmit(transaction)),
};
console.log(JSON.stringify(answers));
