// What happened to a payment, in words, from its events.

import { foreign } from "./words.js";

const depth = ({ block }) => block.depth === null ? "an unknown depth" : `depth ${block.depth}`;
const FINAL = ["settled", "rejected", "expired"];
const NOTHING = { state: null, accepted: false, block: null, error: null, delivery: "none" };

/** What each event changed: `[{ at, words }]`, in order. */
export const story = (payment, events) => events.map((event, index) => {
  const before = events[index - 1] ?? NOTHING;
  const words = [
    ...submission(before, event), ...inBlock(before, event),
    ...outcome(payment, before, event), ...delivery(payment, before, event),
  ];
  const none = ["Taken up again: another process or call goes on with it."];
  return { at: event.at, state: event.state, words: words.length ? words : none };
});

function* submission(before, event) {
  if (before === NOTHING && event.state === "submitted" && !event.accepted) {
    yield "Announced: the transaction is about to be sent to a node.";
  }
  if (event.accepted && !before.accepted) yield "Accepted by a node.";
  if (event.state === "submitted" && event.error && event.error !== before.error) {
    yield ["No node took it so far: ", foreign(event.error)];
  }
}

function* inBlock(before, event) {
  const [now, then] = [event.block, before.block];
  if (now === null) {
    if (then !== null) yield "Rolled back: its block is not in the chain any more.";
  } else if (now.hash !== then?.hash) {
    const where = now.height === null ? "a block" : `block ${now.height}`;
    yield `${then ? "Rolled back, and seen again" : "Seen"} in ${where} at ${depth(event)}.`;
  } else if (now.depth !== then.depth && event.state === before.state) {
    yield `At ${depth(event)} now.`;
  }
}

function* outcome({ confirmations }, before, event) {
  if (event.state === before.state) return;
  if (event.state === "settled") {
    const promised = confirmations < 0 ? "once a node accepted it" : `at depth ${confirmations}`;
    const found = event.block ? ` at ${depth(event)}` : "";
    yield `Settled${found}; success was promised ${promised}.`;
  } else if (event.state === "rejected") {
    yield ["Rejected: ", foreign(event.error ?? "the reason is not known")];
  } else if (event.state === "expired") {
    yield "Expired: its validity ended, and the ledger never recorded it.";
  } else if (before.state === "settled") {
    yield "Settled no more: a rollback took it before its success was delivered.";
  } else if (FINAL.includes(before.state)) {
    yield `Open again: the chain shows what was ${before.state}.`;
  }
}

function* delivery({ erased }, before, event) {
  if (event.delivery === before.delivery) return;
  if (event.delivery === "delivered") {
    const receiver = event.deliveredTo ?? (erased ? "a client that was erased" : "a client without a name");
    const request = event.deliveryRequestId ? [" by request ", foreign(event.deliveryRequestId)] : [];
    yield ["Success delivered to ", foreign(receiver), ...request, "."];
  } else if (event.delivery === "unknown") {
    yield "It is not known any more if its success was delivered: the record was lost.";
  } else {
    yield "Delivery taken back: the caller was gone before it came.";
  }
}
