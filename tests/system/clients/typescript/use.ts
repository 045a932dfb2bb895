// Asks for a verdict by the client whose types openapi-typescript made: node use.js URL REQUEST

import createClient from "openapi-fetch";
import type { components, paths } from "./made.js";

declare const process: { argv: [string, string, string, string] };

const [, , baseUrl, text] = process.argv;
const request: components["schemas"]["PaymentRequest"] = JSON.parse(text);
const extra = { confirmationPolicy: { l1Confirmations: 1 } };
const terms: components["schemas"]["PaymentRequirements"] = { ...request.paymentRequirements, extra };
request.paymentRequirements = terms;
request.paymentPayload.accepted = terms;

const client = createClient<paths>({ baseUrl });
const { data, error } = await client.POST("/verify", { body: request });
if (data) {
  const valid: boolean = data.isValid;
  const found = await client.POST("/cancel", { body: request });
  const transaction: string = found.data?.transaction ?? "";
  const state = await client.GET("/status/{transaction}", { params: { path: { transaction } } });
  const health = await client.GET("/health");
  const listed = await client.GET("/payments", { params: { query: { limit: 5 } } });
  const states: (string | undefined)[] = [state.data?.status, health.data?.status];
  console.log(`valid: ${valid}, ${states.join(" ")}, ${listed.error?.error}`);
} else {
  const reason: string = error.invalidReason;
  console.log(`refused: ${reason}`);
}
