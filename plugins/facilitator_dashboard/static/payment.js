// The page of one payment: its fields, its story, and its transaction as `inspect` shows it.

import { data, Failure } from "./api.js";
import { facts, make, section } from "./dom.js";
import { report } from "./report.js";
import { story } from "./story.js";
import { duration, foreign, moment, money, personal, state } from "./words.js";

/** The view of a payment. */
export async function payment(place, transaction, signal) {
  const found = await data(`payments/${encodeURIComponent(transaction)}`, {}, signal);
  place.append(
    make("p", { class: "lead" }, money(found.amount, found.asset), " ", state(found.state)),
    make("div", { class: "halves" },
      section("story", "What happened", timeline(found)),
      section("fields", "What it is", fields(found))),
    inspection(found, signal));
}

const code = (text) => make("code", {}, foreign(text));
const known = (text, otherwise = "not known") => text ? foreign(text) : make("i", {}, otherwise);

const fields = (found) => facts([
  ["Transaction", code(found.transaction)],
  ["Network", foreign(found.network)],
  ["Scheme", foreign([found.scheme, found.method].filter(Boolean).join(", "))],
  ...(found.asset === "lovelace" ? [] : [["Asset", code(found.asset)]]),
  ["Fee", found.fee === null ? known(null) : money(found.fee, "lovelace")],
  ["Payer", personal(found.payer, found)],
  ["Paid to", known(found.payTo)],
  ["Resource", personal(found.resource, found)],
  ["Identifier", personal(found.identifier, found)],
  ["Caller", known(found.caller, "without an API key")],
  ["Client", personal(found.client, found)],
  ["Request", known(found.requestId)],
  ["Success promised", found.confirmations < 0
    ? "once a node accepts it" : `at depth ${found.confirmations}`],
  ...(found.block === null ? [] : [
    ["Block", `${found.block.height}, slot ${found.block.slot}`], ["Its hash", code(found.block.hash)],
  ]),
]);

/** The events in words, with the time since the claim. */
function timeline(found) {
  const began = new Date(found.createdAt);
  const since = (at) => `+${duration(Math.max(0, (new Date(at) - began) / 1000))}`;
  const claimed = make("li", {}, make("p", { class: "when" }, moment(found.createdAt)),
    make("p", {}, "Claimed: it is verified, and nothing was sent yet."));
  const steps = story(found, found.events).map(({ at, words, state: reached }) =>
    make("li", { class: reached },
      make("p", { class: "when" }, moment(at), " ", make("small", {}, since(at))),
      words.map((each) => make("p", {}, each))));
  return make("ol", { class: "timeline" }, claimed, steps);
}

/** The transaction, once it is asked for: the report asks the chain. */
function inspection(found, signal) {
  const place = make("div", { "aria-live": "polite" });
  const look = async () => {
    button.disabled = true;
    try {
      const path = `payments/${found.transaction}/report`;
      place.replaceChildren(report(await data(path, {}, signal)));
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof Failure)) throw error;
      place.replaceChildren(make("p", {}, foreign(error.message)));
    }
    button.disabled = false;
  };
  const button = make("button", { type: "button", click: look }, "Inspect it now");
  return section("transaction", "The transaction",
    make("p", {}, "The report is of now, and asks the chain: inputs that the transaction has spent",
      " itself fail their rule."),
    button, place);
}
