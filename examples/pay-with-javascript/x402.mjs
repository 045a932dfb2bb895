// A paying client's side of x402 over HTTP, whatever wallet makes the transaction.

const NETWORK = "cardano:preprod";
const TRANSFER_METHOD = "default"; // the client's own transaction pays the seller

const decode = (header) => JSON.parse(Buffer.from(header, "base64").toString());
const encode = (message) => Buffer.from(JSON.stringify(message)).toString("base64");

// Ask for the URL; if it has a price, have `sign(terms)` make a transaction and ask again with it.
// The transaction is not submitted here: that is the facilitator's work.
export async function buy(url, sign) {
  const offer = await fetch(url);
  if (offer.status !== 402) return offer;
  const { accepts, resource } = decode(offer.headers.get("PAYMENT-REQUIRED"));
  const terms = accepts.find(canBeMet);
  if (!terms) throw new Error(`nothing on offer can be paid on ${NETWORK}`);
  const { cbor, nonce } = await sign(terms);
  const payload = { transaction: Buffer.from(cbor, "hex").toString("base64"), nonce };
  const payment = { x402Version: 2, resource, accepted: terms, payload };
  return fetch(url, { headers: { "PAYMENT-SIGNATURE": encode(payment) } });
}

function canBeMet({ scheme, network, extra }) {
  const method = extra?.assetTransferMethod ?? TRANSFER_METHOD;
  return scheme === "exact" && network === NETWORK && method === TRANSFER_METHOD;
}
