// The same shop with Hono: node shop_hono.mjs ADDRESS
import { serve } from "@hono/node-server";
import { HTTPFacilitatorClient } from "@x402/core/server";
import { paymentMiddleware, x402ResourceServer } from "@x402/hono";
import { Hono } from "hono";

import { ExactCardano, giveUp, network, offers } from "./cardano.mjs";
import { readArguments, sayHowToBuy } from "./command.mjs";

const forecasts = { today: "rainy, 17 degrees", tomorrow: "sunny, 24 degrees" };
const [payTo, port, facilitator] = readArguments("shop_hono.mjs");

const server = new x402ResourceServer(new HTTPFacilitatorClient({ url: facilitator }));
server.register(network, new ExactCardano());
server.onVerifiedPaymentCanceled(giveUp(facilitator));

const app = new Hono();
app.use(paymentMiddleware({ "GET /forecast": { accepts: offers(payTo) } }, server));
app.get("/forecast", (context) => {
  const day = context.req.query("day") ?? "tomorrow";
  // No page, no settlement: the SDK calls `giveUp`.
  if (!Object.hasOwn(forecasts, day)) return context.json({ error: "no forecast" }, 404);
  return context.json({ forecast: forecasts[day] });
});
serve({ fetch: app.fetch, hostname: "127.0.0.1", port }, ({ port }) => sayHowToBuy(port));
