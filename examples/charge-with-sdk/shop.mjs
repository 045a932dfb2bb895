// A shop that sells a page for a dollar token or ada, with Express and the official x402 SDK.
//
//     node shop.mjs ADDRESS
import { HTTPFacilitatorClient } from "@x402/core/server";
import { paymentMiddleware, x402ResourceServer } from "@x402/express";
import express from "express";

import { ExactCardano, giveUp, network, offers } from "./cardano.mjs";
import { readArguments, sayHowToBuy } from "./command.mjs";

const forecasts = { today: "rainy, 17 degrees", tomorrow: "sunny, 24 degrees" };
const [payTo, port, facilitator] = readArguments("shop.mjs");

const server = new x402ResourceServer(new HTTPFacilitatorClient({ url: facilitator }));
server.register(network, new ExactCardano());
server.onVerifiedPaymentCanceled(giveUp(facilitator));

const app = express();
app.use(paymentMiddleware({ "GET /forecast": { accepts: offers(payTo) } }, server));
app.get("/forecast", ({ query: { day = "tomorrow" } }, response) => {
  // No page, no settlement: the SDK calls `giveUp`.
  if (!Object.hasOwn(forecasts, day)) return response.status(404).json({ error: "no forecast" });
  return response.json({ forecast: forecasts[day] });
});
const listening = app.listen(port, "127.0.0.1", () => sayHowToBuy(listening.address().port));
