// The report of `inspect` on a transaction.

import { facts, make, table } from "./dom.js";
import { amount, foreign, money, plain, several } from "./words.js";

/** The report: what the transaction holds, and the result of every rule. */
export function report(found) {
  const tx = found.transaction;
  return make("div", {},
    facts([
      ["Judged at", `slot ${found.slot}, ${found.time}`],
      ["Result", result(found.result)],
      ["Size", `${tx.bytes} bytes`],
      ["Fee", money(tx.fee, "lovelace")],
      ["Valid", `${bound("from", tx.validFrom)}, ${bound("before", tx.validBefore)}`],
      ["Signers", tx.signers.length ? tx.signers.map((each) => make("p", {}, signer(each))) : "none"],
    ]),
    make("h3", {}, "Inputs"), refs(tx.inputs),
    tx.referenceInputs.length ? [make("h3", {}, "Reference inputs"), refs(tx.referenceInputs)] : [],
    tx.collateral.length ? [make("h3", {}, "Collateral"), refs(tx.collateral)] : [],
    make("h3", {}, "Outputs"), make("ol", { start: 0 }, tx.outputs.map((each) => make("li", {}, output(each)))),
    further(tx),
    make("h3", {}, "Rules"), rules(found.checks));
}

const result = (text) => make("span", { class: `state ${text.replace(" ", "-")}` }, text);
const bound = (word, at) => at ? `${word} slot ${at.slot} (${at.time})` : `${word} any slot`;
const lines = (...each) => each.map((line) => make("p", {}, line));

const signer = (each) => [make("code", {}, foreign(each.key)), " ", signed(each),
  each.for.length ? [", for ", foreign(each.for.join(", "))] : []];
const signed = ({ signed: has, signatureHolds: holds }) =>
  has ? (holds ? "signed" : "has a signature that does not hold") : "did not sign";

const refs = (found) => make("ul", {}, found.map((each) => make("li", {},
  make("code", {}, foreign(each.ref)),
  each.status === "unspent" ? output(each) : lines(foreign(each.why ?? spent(each))))));
const spent = ({ status, spentBy }) => spentBy ? `spent by ${spentBy}` : status;

const output = (held) => make("div", {},
  lines(make("code", {}, foreign(held.address)), money(held.lovelace, "lovelace")),
  held.assets.map(asset),
  held.datum ? lines(foreign(`datum ${held.datum}`)) : [],
  held.referenceScript ? lines(foreign(`reference script ${held.referenceScript}`)) : []);

const asset = ({ asset: id, name, quantity }) => make("p", {},
  quantity.startsWith("-") ? `−${amount(quantity.slice(1), id)}` : amount(quantity, id), " ",
  name ? [foreign(name), " "] : [], make("code", {}, foreign(id)));

/** What few transactions have. */
function further(tx) {
  const found = [
    ...(tx.mint.length ? [["Minted, or burned", tx.mint.map(asset)]] : []),
    ...tx.withdrawals.map((each) => ["Withdrawal", money(each.lovelace, "lovelace"), " ", foreign(each.address)]),
    ...["certificates", "votes", "proposals"].flatMap((name) =>
      tx[name].map((words) => [name, foreign(words)])),
    ...(tx.donation ? [["Donation", money(tx.donation, "lovelace")]] : []),
    ...tx.scripts.map((each) => ["Script", foreign(`${each.hash} (${each.language})`)]),
    ...(tx.redeemers ? [["Redeemers", String(tx.redeemers)]] : []),
    ...(tx.auxiliaryDataBytes === null ? [] : [["Metadata", `${tx.auxiliaryDataBytes} bytes`]]),
  ];
  return found.length ? [make("h3", {}, "Further"), facts(found)] : [];
}

/** How many rules hold, those that do not, and all of them to open. */
function rules(found) {
  const others = found.filter((each) => each.result !== "pass");
  return [
    make("p", {}, `${found.length - others.length} of ${several(found.length, "rule")} hold.`),
    others.length ? checks("Rules that do not hold, or cannot be judged", others) : [],
    make("details", {}, make("summary", {}, "Every rule"), checks("The result of every rule", found)),
  ];
}

const checks = (title, found) => table(title, [
  { title: "Rule", cell: (each) => foreign(each.name) },
  { title: "Result", cell: (each) => result(each.result) },
  { title: "Figures", cell: (each) => plain(each.detail ?? "") },
], found);
