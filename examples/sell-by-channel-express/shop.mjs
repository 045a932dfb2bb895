// A shop that sells a page for 0.001 ada, by payment channels, with Express.
//
//     node shop.mjs ADDRESS SCRIPT_HASH RECEIVER_AUTHORIZER
import { createServer } from "node:http";
import express from "express";

import { sell } from "./channels.mjs";

const forecasts = { today: "rainy, 17 degrees", tomorrow: "sunny, 24 degrees" };
const [payTo, scriptHash, receiverAuthorizer, port = "4000", socketPath = "seller.sock"] =
  process.argv.slice(2);
if (receiverAuthorizer === undefined) {
  console.error("usage: node shop.mjs ADDRESS SCRIPT_HASH RECEIVER_AUTHORIZER [PORT [SOCKET]]: see README.md");
  process.exit(2);
}

const requirements = {
  scheme: "batch-settlement",
  network: "cardano:preprod",
  asset: "lovelace",
  amount: "1000",
  payTo,
  maxTimeoutSeconds: 60,
  extra: { scriptHash, receiverAuthorizer, withdrawDelay: 3_600, minDeposit: "5000000" },
};

async function forecast({ query: { day = "tomorrow" } }) {
  if (Object.hasOwn(forecasts, day)) return { forecast: forecasts[day] };
  // No page, no charge.
  throw Object.assign(new Error("no forecast"), { status: 404 });
}

const app = express();
app.set("env", "production"); // its answers to errors show no stack
app.get("/forecast", sell(socketPath, requirements, forecast));
// The transaction of a deposit may have 16 KiB, in a header that is base64 of base64.
const server = createServer({ maxHeaderSize: 65_536 }, app);
server.listen(Number(port), "127.0.0.1", () => {
  console.log(`selling http://127.0.0.1:${server.address().port}/forecast`);
});
