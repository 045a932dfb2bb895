// Sells the pages of an Express server by payment channel. What a channel owes is kept by the
// sidecar, python -m facilitator_channels.seller.sidecar, which is asked before and after the work.
import http from "node:http";
import { json } from "node:stream/consumers";

// The handler of a route that sells what `work` returns for a request. `work` has no response to
// write to: nothing leaves before it is charged. `socketPath` is the sidecar's.
export function sell(socketPath, requirements, work) {
  const call = (name, fields) => ask(socketPath, name, fields);
  return async (request, response) => {
    const payment = request.get("PAYMENT-SIGNATURE");
    if (payment === undefined) {
      const reason = "PAYMENT-SIGNATURE header is required";
      return paymentRequired(request, response, { reason, requirements });
    }
    const found = await call("before", { payment, requirements });
    if (found.result === "refuse") return paymentRequired(request, response, found);
    if (found.result === "answer") {
      // A repeat gets the page again, a refund is done.
      return reply(response, Buffer.from(found.response, "base64"), found.settlement);
    }
    const { id } = found;
    let page, paid;
    try {
      page = Buffer.from(JSON.stringify(await work(request)));
      paid = await call("after", { id, response: page.toString("base64") });
    } catch (error) {
      // Without an answer the sidecar frees the channel by itself, a little later.
      await call("cancel", { id }).catch(() => {});
      throw error;
    }
    if (paid.result !== "paid") return paymentRequired(request, response, paid);
    return reply(response, page, paid.settlement);
  };
}

// An answer other than 200 means that nothing may be served.
async function ask(socketPath, name, fields) {
  const options = { socketPath, path: `/${name}`, method: "POST", agent: false };
  const response = await new Promise((resolve, reject) => {
    http.request(options, resolve).on("error", reject).end(JSON.stringify(fields));
  });
  const answer = await json(response);
  if (response.statusCode === 200) return answer;
  throw new Error(`the sidecar answers ${name} by ${answer.error}: ${answer.message}`);
}

function paymentRequired(request, response, { reason, requirements }) {
  const url = `${request.protocol}://${request.get("host")}${request.path}`;
  const resource = { url, mimeType: "application/json" };
  const body = { x402Version: 2, error: reason, resource, accepts: [requirements] };
  response.status(402).set("PAYMENT-REQUIRED", encode(body)).json({ error: reason });
}

function reply(response, page, settlement) {
  response.set("PAYMENT-RESPONSE", encode(settlement)).type("json").send(page);
}

// The value of a payment header: base64 of JSON.
function encode(message) {
  return Buffer.from(JSON.stringify(message)).toString("base64");
}
