// The parts of the shops that are about Cardano: prices, offers, and a payment that is given up.
import { convertToTokenAmount, parseMoney } from "@x402/core/utils";

export const network = "cardano:preprod";
export const tUSDM = "e675b46e4d2242c991a8932a99db3044e80515ae14b4c4ccf6b3f4c9.0014df10745553444d";
const tUSDMDecimals = 6;

// The SDK's knowledge of a network for which no mechanism is installed.
export class ExactCardano {
  scheme = "exact";
  defaultAssetTransferMethod = "default";
  paymentFlows = { default: { supported: ["authorization"], default: "authorization" } };

  // Dollars such as "$0.10" are a price in tUSDM; { amount, asset } is a price as it is.
  async parsePrice(price) {
    if (typeof price === "object") return price;
    const dollars = parseMoney(price).amount;
    return { amount: convertToTokenAmount(dollars, tUSDMDecimals), asset: tUSDM };
  }

  async enhancePaymentRequirements(requirements) {
    return requirements;
  }
}

// The price in tUSDM, and in ada as the second choice.
export function offers(payTo) {
  return ["$0.10", { amount: "2000000", asset: "lovelace" }].map((price) => ({
    scheme: "exact",
    network,
    payTo,
    price,
    maxTimeoutSeconds: 300,
    extra: { confirmationPolicy: { l1Confirmations: 1 } },
  }));
}

// The page could not be made: have the facilitator free the inputs of the payment. The payer may
// use them at once, here and elsewhere. The body is that of /verify.
export function giveUp(facilitator) {
  return async ({ paymentPayload, requirements }) => {
    const { x402Version } = paymentPayload;
    const body = { x402Version, paymentPayload, paymentRequirements: requirements };
    const answer = await fetch(`${facilitator}/cancel`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`/cancel answered ${answer.status}`);
  };
}
