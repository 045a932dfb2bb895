// The official x402 client, with the part that it lacks: what a payment on Cardano is.

import { wrapAxiosWithPayment } from "@x402/axios";
import { wrapFetchWithPayment, x402Client } from "@x402/fetch";
import axios from "axios";

const NETWORK = "cardano:preprod";
const LOVELACE = "lovelace";
const TUSDM = "e675b46e4d2242c991a8932a99db3044e80515ae14b4c4ccf6b3f4c9.0014df10745553444d";
const TRANSFER_METHOD = "default"; // the client's own transaction pays the seller

const unitOf = (asset) => asset.replace(".", "");

class ExactCardano {
  scheme = "exact";

  constructor(wallet) {
    this.wallet = wallet;
  }

  // A dollar token, for which the SDK's own limit holds: 1 dollar a payment.
  findDefaultAsset(asset) {
    return asset === TUSDM ? { asset, decimals: 6, symbol: "tUSDM" } : undefined;
  }

  // The transaction is not submitted here: that is the facilitator's work.
  async createPaymentPayload(x402Version, { payTo, asset, amount, maxTimeoutSeconds }) {
    const { cbor, nonce } = await this.wallet.sign({
      to: payTo,
      unit: unitOf(asset),
      quantity: amount,
      seconds: 0.9 * maxTimeoutSeconds, // the seller's clock may be behind
    });
    return { x402Version, payload: { transaction: Buffer.from(cbor, "hex").toString("base64"), nonce } };
  }
}

// The offers that the client's own transaction can meet, of those in what the wallet has enough of.
function canBeMet(offers, held) {
  const known = offers.filter(
    ({ extra }) => (extra?.assetTransferMethod ?? TRANSFER_METHOD) === TRANSFER_METHOD,
  );
  const covered = known.filter(({ asset, amount }) => (held[unitOf(asset)] ?? 0n) >= BigInt(amount));
  // Where it has enough of none, the wallet says what it lacks.
  return covered.length ? covered : known;
}

// Pays at most 1 dollar in tUSDM or 5 ada for a request, by what `wrap` makes of the client.
function paying(wallet, wrap) {
  let held = {};
  const client = new x402Client()
    .register(NETWORK, new ExactCardano(wallet))
    .registerPolicy((_, offers) => canBeMet(offers, held))
    // Without this the SDK pays in the default asset alone, and refuses every price in ada.
    .setSpendControls({
      allowedAssets: [{ network: NETWORK, asset: LOVELACE, maxAmountPerPayment: "5000000" }],
    });
  const pay = wrap(client);
  return async (...request) => {
    held = await wallet.holdings(); // the SDK waits for no policy
    return pay(...request);
  };
}

// A `fetch` that pays.
export const payingFetch = (wallet) =>
  paying(wallet, (client) => wrapFetchWithPayment(fetch, client));

// An axios that pays.
export const payingAxios = (wallet) =>
  paying(wallet, (client) => wrapAxiosWithPayment(axios.create(), client));
