// The list of payments: a search in the fragment of the URL, page by page.

import { data } from "./api.js";
import { make, table } from "./dom.js";
import { foreign, moment, money, personal, shortened, state } from "./words.js";

const STATES = ["submitted", "included", "settled", "rejected", "expired"];
const TEXTS = [
  ["payer", "Payer", "an address"],
  ["payTo", "Paid to", "an address"],
  ["asset", "Asset", "lovelace, or policy.name in hex"],
  ["caller", "Caller", "the name of an API key"],
  ["resource", "Resource", "the beginning of its URL"],
  ["network", "Network", "cardano:mainnet"],
];

const link = (each) => make("a", { href: `#/payments/${each.transaction}`, id: `of-${each.transaction}` },
  moment(each.createdAt));

/** A table of payments, each with a link to its page. */
export const paymentTable = (caption, found, attributesOf) => table(caption, [
  { title: "Claimed", cell: link },
  { title: "State", cell: (each) => state(each.state) },
  { title: "Amount", cell: (each) => money(each.amount, each.asset), number: true },
  { title: "Caller", cell: (each) => each.caller === null ? make("i", {}, "none") : foreign(each.caller) },
  { title: "Resource", cell: (each) => make("span", { class: "cut" }, personal(each.resource, each)) },
  { title: "Payer", cell: (each) => each.payer === null ? personal(null, each) : shortened(each.payer, 12) },
], found, attributesOf);

/** The view of a search. */
export async function payments(place, search, signal, failed) {
  const list = make("section", { "aria-label": "Payments found" });
  place.append(filters(search), list);
  const asked = parametersOf(search);
  const first = await data("payments", asked, signal);
  if (first.payments.length === 0) {
    list.append(make("p", {}, "No payment is like that."));
    return;
  }
  let shown = first.payments;
  let next = first.next;
  const fill = () => {
    const more = next && make("button", { type: "button", click: load }, "Show more");
    list.replaceChildren(paymentTable("Payments, newest first", shown), more || "");
  };
  const load = async ({ target }) => {
    target.disabled = true;
    const page = await data("payments", { ...asked, before: next }, signal).catch(failed);
    if (!page) return;
    const firstNew = page.payments[0];
    [shown, next] = [[...shown, ...page.payments], page.next];
    fill();
    if (firstNew) document.getElementById(`of-${firstNew.transaction}`).focus();
  };
  fill();
}

/** The parameters of a request: times of the reader's zone as Unix seconds. */
function parametersOf(search) {
  const asked = Object.fromEntries(search);
  for (const name of ["since", "until"]) {
    if (name in asked) asked[name] = String(new Date(asked[name]).getTime() / 1000);
  }
  return asked;
}

/** The form of a search, filled in. */
function filters(search) {
  const field = (name, title, control) => make("div", { class: "field" },
    make("label", { for: `by-${name}` }, title), control);
  const text = ([name, title, hint]) => field(name, title, make("input", {
    id: `by-${name}`, name, placeholder: hint, value: search.get(name) ?? "", autocomplete: "off",
    spellcheck: "false",
  }));
  const time = (name, title) => field(name, title, make("input", {
    id: `by-${name}`, name, type: "datetime-local", value: search.get(name) ?? "",
  }));
  const states = make("select", { id: "by-state", name: "state" },
    make("option", { value: "" }, "any"),
    STATES.map((each) => make("option", { selected: search.get("state") === each ? "" : false }, each)));
  const keyless = make("input", {
    id: "keyless", name: "keyless", type: "checkbox", checked: search.get("caller") === "" ? "" : false,
  });
  const form = make("form", { class: "filters", role: "search", "aria-label": "Payments", submit: (event) => {
    event.preventDefault();
    const values = [...new FormData(form)].filter(([name, value]) => value !== "" && name !== "keyless");
    const chosen = new URLSearchParams(values);
    if (keyless.checked) chosen.set("caller", "");
    location.hash = `#/payments?${chosen}`;
  } },
    field("state", "State", states), time("since", "Claimed from"), time("until", "Claimed before"),
    TEXTS.map(text),
    make("div", { class: "field check" }, keyless, make("label", { for: "keyless" }, "without an API key")),
    make("div", { class: "buttons" },
      make("button", {}, "Search"),
      make("a", { href: "#/payments" }, "Show all")));
  return form;
}
