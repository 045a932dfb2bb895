// node wallet.mjs lucid|mesh address | buy URL [axios] | send ADDRESS LOVELACE

import { payingAxios, payingFetch } from "./x402.mjs";

const SEND_SECONDS = 600;

const [sdk, command, target, further] = process.argv.slice(2);
if (!["lucid", "mesh"].includes(sdk) || !["address", "buy", "send"].includes(command)) {
  console.error("usage: node wallet.mjs lucid|mesh address | buy URL [axios] | send ADDRESS LOVELACE");
  process.exit(2);
}
const missing = ["BLOCKFROST_URL", "WALLET_SEED"].filter((name) => !process.env[name]);
if (missing.length) {
  console.error(`set ${missing.join(" and ")}: see README.md`);
  process.exit(2);
}
const { openWallet } = await import(`./${sdk}.mjs`);
const { BLOCKFROST_URL: url, BLOCKFROST_PROJECT_ID: projectId, WALLET_SEED: seed } = process.env;
const wallet = await openWallet({ url, projectId, seed });

const commands = {
  address: () => wallet.address,

  async buy() {
    if (further === "axios") {
      // As the server has sent it; a status that is not 2xx is an error of axios' own.
      const { data } = await payingAxios(wallet)(target, { responseType: "text" });
      return data;
    }
    const answer = await payingFetch(wallet)(target);
    if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`);
    return answer.text();
  },

  // Without any facilitator, for comparison.
  async send() {
    const transaction = { to: target, unit: "lovelace", quantity: further, seconds: SEND_SECONDS };
    const { cbor } = await wallet.sign(transaction);
    const id = await wallet.submit(cbor);
    await wallet.confirmed(id);
    return id;
  },
};

console.log(await commands[command]());
