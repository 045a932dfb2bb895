// A paying client's side of x402 over HTTP, whatever wallet makes the transaction.

const NETWORK = "cardano:preprod";
const TRANSFER_METHOD = "default"; // the client's own transaction pays the seller

const decode = (header) => JSON.parse(Buffer.from(header, "base64").toString());
const encode = (message) => Buffer.from(JSON.stringify(message)).toString("base64");

// Ask for the URL; if it has a price, let `sign(requirements)` make a transaction and ask again with it.
// The transaction is not submitted here: that is the facilitator's work.
export async function buy(url, sign) {
  const answer = await fetch(url);
  if (answer.status !== 402) return answer;
  const { accepts, resource } = decode(answer.headers.get("PAYMENT-REQUIRED"));
  const requirements = accepts.find(canBeMet);
  if (!requirements) throw new Error(`nothing on offer can be paid on ${NETWORK}`);
  const { cbor, nonce } = await sign(requirements);
  const payload = { transaction: Buffer.from(cbor, "hex").toString("base64"), nonce };
  const payment = { x402Version: 2, resource, accepted: requirements, payload };
  return fetch(url, { headers: { "PAYMENT-SIGNATURE": encode(payment) } });
}

function canBeMet({ scheme, network, extra }) {
  const method = extra?.assetTransferMethod ?? TRANSFER_METHOD;
  return scheme === "exact" && network === NETWORK && method === TRANSFER_METHOD;
}
