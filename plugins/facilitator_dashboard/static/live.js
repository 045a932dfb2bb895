// The newest payments, and a sentence for screen readers when some have changed.

import { data } from "./api.js";
import { make, refill } from "./dom.js";
import { paymentTable } from "./payments.js";
import { repeat } from "./repeat.js";
import { amount, assetName, plain, several } from "./words.js";

const SECONDS = 2;
const SHOWN = 10;
const QUIET_MS = 10_000;

/** Follow the ledger in this place until the signal. Throws what does not pass by itself. */
export async function follow(place, signal, trouble) {
  const list = make("div", {});
  const pause = make("button", { type: "button", "aria-pressed": "false", click: () => {
    pause.setAttribute("aria-pressed", String(!isPaused()));
  } }, "Pause");
  const isPaused = () => pause.getAttribute("aria-pressed") === "true";
  place.append(list, make("div", { class: "buttons" }, pause, make("a", { href: "#/payments" }, "All payments")));
  const say = announcer();
  let after = null;
  let known = new Map();
  /** Show the newest payments; return those that are new or have changed. */
  const show = async (isFirst) => {
    const { payments } = await data("payments", { limit: SHOWN }, signal);
    const changed = isFirst ? [] : payments.filter((each) => known.get(each.transaction) !== each.updatedAt);
    const mark = (each) => ({ class: changed.includes(each) ? "new" : undefined });
    refill(list, payments.length
      ? paymentTable("The newest payments", payments, mark)
      : make("p", {}, "There is no payment yet."));
    known = new Map(payments.map((each) => [each.transaction, each.updatedAt]));
    return changed;
  };
  await repeat(SECONDS, signal, async () => {
    if (isPaused()) return;
    const events = await data("events", after === null ? {} : { after }, signal);
    say(after === null || events.events.length ? await show(after === null) : []);
    after = events.last;
  }, trouble);
}

/** A function that says which payments changed: at most every ten seconds, in one sentence. */
function announcer() {
  const news = document.getElementById("news");
  const changed = new Map();
  let saidAt = -Infinity;
  return (payments) => {
    for (const each of payments) changed.set(each.transaction, each);
    if (!changed.size || performance.now() < saidAt + QUIET_MS) return;
    const [newest] = changed.values();
    const sum = `${amount(newest.amount, newest.asset)} ${plain(assetName(newest.asset))}`;
    news.textContent = `${several(changed.size, "payment")} changed; one of ${sum} is ${newest.state}.`;
    changed.clear();
    saidAt = performance.now();
  };
}
