// A shop that sells a page for ada, with Express and the official x402 SDK.
//
//     node shop.mjs ADDRESS
import { HTTPFacilitatorClient } from "@x402/core/server";
import { paymentMiddleware, x402ResourceServer } from "@x402/express";
import express from "express";

const network = "cardano:preprod";
const forecasts = { today: "rainy, 17 degrees", tomorrow: "sunny, 24 degrees" };
const [payTo, port = "4000", facilitator = "http://127.0.0.1:3000"] = process.argv.slice(2);

// The SDK's knowledge of a network for which no mechanism is installed.
class ExactCardano {
  scheme = "exact";
  defaultAssetTransferMethod = "default";
  paymentFlows = { default: { supported: ["authorization"], default: "authorization" } };

  // A price is in lovelace, or in units of an asset: { amount, asset }.
  async parsePrice(price) {
    return price;
  }

  async enhancePaymentRequirements(requirements) {
    return requirements;
  }
}

const server = new x402ResourceServer(new HTTPFacilitatorClient({ url: facilitator }));
server.register(network, new ExactCardano());

// The page could not be made: have the facilitator free the inputs of the payment. The payer may
// use them at once, here and elsewhere. The body is that of /verify.
server.onVerifiedPaymentCanceled(async ({ paymentPayload, requirements }) => {
  const { x402Version } = paymentPayload;
  const body = { x402Version, paymentPayload, paymentRequirements: requirements };
  const answer = await fetch(`${facilitator}/cancel`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`/cancel answered ${answer.status}`);
});

const routes = {
  "GET /forecast": {
    accepts: {
      scheme: "exact",
      network,
      payTo,
      price: { amount: "2000000", asset: "lovelace" },
      maxTimeoutSeconds: 300,
      extra: { confirmationPolicy: { l1Confirmations: 1 } },
    },
    description: "tomorrow's weather",
    mimeType: "application/json",
  },
};

const app = express();
app.use(paymentMiddleware(routes, server));
app.get("/forecast", ({ query: { day = "tomorrow" } }, response) => {
  // No page, no settlement: the SDK calls the function above.
  if (!Object.hasOwn(forecasts, day)) return response.status(404).json({ error: "no forecast" });
  return response.json({ forecast: forecasts[day] });
});
const listening = app.listen(Number(port), "127.0.0.1", () => {
  console.log(`selling http://127.0.0.1:${listening.address().port}/forecast`);
});
