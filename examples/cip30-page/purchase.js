// x402: ask, read the price, have the wallet sign, ask again with the payment.

import { build, signed } from "./transaction.js";

const TIMES = 10; // that one payment is presented before its outcome counts as unknown
const PAUSE_MS = 3000; // before it is presented again
const PENDING = "settlement_pending";

// Headers of x402 are base64 of JSON in UTF-8.
const decoded = (header) =>
  JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(header), (c) => c.charCodeAt(0))));
const encoded = (message) =>
  btoa(String.fromCharCode(...new TextEncoder().encode(JSON.stringify(message))));

// What the wallet refused or could not do. It rejects with an object that has a code and an info
// (CIP-30), or with an Error.
export class WalletError extends Error {
  constructor(reason) {
    super(reason?.info ?? reason?.message ?? String(reason));
    this.code = reason?.code;
  }
}

async function asked(question) {
  try {
    return await question();
  } catch (reason) {
    throw new WalletError(reason);
  }
}

async function offered(url) {
  const answer = await fetch(url);
  const header = answer.headers.get("PAYMENT-REQUIRED");
  if (answer.status === 402 && header) return decoded(header);
  throw new Error(`The server answered ${answer.status}, and no price.`);
}

function chosen({ accepts }) {
  const terms = accepts.find(
    ({ scheme, network, asset, extra }) =>
      scheme === "exact" &&
      network.startsWith("cardano:") &&
      asset === "lovelace" &&
      (extra?.assetTransferMethod ?? "default") === "default",
  );
  if (!terms) throw new Error("The server takes no payment that this page can make.");
  return terms;
}

async function payment(offer, wallet, show) {
  const terms = chosen(offer);
  show(`Asking ${wallet.name}…`);
  const api = await asked(() => wallet.enable());
  const networkId = terms.network === "cardano:mainnet" ? 1 : 0;
  if ((await asked(() => api.getNetworkId())) !== networkId) {
    throw new Error(`The wallet is on another network: choose ${terms.network} in it.`);
  }
  const utxos = (await asked(() => api.getUtxos())) ?? [];
  const change = await asked(() => api.getChangeAddress());
  const chain = await (await fetch("chain")).json();
  if (chain.error) throw new Error(chain.error);
  const unsigned = build(terms, utxos, change, chain);
  show(`Sign the payment of ${Number(terms.amount) / 1e6} ada in ${wallet.name}…`);
  const witnesses = await asked(() => api.signTx(unsigned.hex, false));
  const payload = { transaction: signed(unsigned.hex, witnesses), nonce: unsigned.nonce };
  return {
    message: { x402Version: 2, resource: offer.resource, accepted: terms, payload },
    transaction: unsigned.id,
  };
}

// The answer to the request with the payment; `undefined` where none came.
async function presented(url, message) {
  try {
    return await fetch(url, { headers: { "PAYMENT-SIGNATURE": encoded(message) } });
  } catch {
    return undefined;
  }
}

// Returns the content, and the id of the transaction that paid for it. One payment is signed, and
// presented again while its outcome is open. `show` is called with what happens.
export async function buy(url, wallet, show) {
  const { message, transaction } = await payment(await offered(url), wallet, show);
  for (let times = 0; times < TIMES; times += 1) {
    show(`Waiting for the transaction ${transaction}…`);
    const answer = await presented(url, message);
    if (answer?.ok) return { content: await answer.json(), transaction };
    if (answer && answer.status < 500) {
      const { error = PENDING } = await answer.json().catch(() => ({})); // a proxy's page says nothing
      if (error !== PENDING) throw new Error(`The payment was refused: ${error}.`);
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  throw new Error(`What became of ${transaction} is not known: look for it before you pay again.`);
}
