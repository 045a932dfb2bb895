// The first view: live payments, sums, times to confirmation, refusals, callers, health, upstream.

import { data, Failure, health, metrics } from "./api.js";
import { bars, columns } from "./charts.js";
import { make, refill, section, table } from "./dom.js";
import { follow } from "./live.js";
import { parse, upstream } from "./metrics.js";
import { repeat } from "./repeat.js";
import {
  assetLabel, amount, count, duration, foreign, moment, money, plain, several,
} from "./words.js";

const FIGURES_SECONDS = 15;
const HEALTH_SECONDS = 10;
const MOST_BARS = 12;

/** The view: it goes on until the signal. `failed` gets what does not pass by itself. */
export async function overview(place, signal, failed) {
  const parts = Object.fromEntries(["tiles", "live", "totals", "times", "refused", "callers", "health", "upstream"]
    .map((name) => [name, make("div", { class: name === "tiles" ? "tiles" : undefined })]));
  const trouble = troubles(place);
  const lines = [repeat(HEALTH_SECONDS, signal, async () => fillHealth(parts.health, await health(signal)),
    trouble("health"))];
  const first = await data("overview", {}, signal).catch((error) => {
    if (!(error instanceof Failure) || error.reason !== "no_ledger") throw error;
    place.append(make("p", {}, error.message));
    return null;
  });
  if (first) {
    place.append(...ledgerSections(parts));
    fillFigures(parts, first);
    lines.push(
      follow(parts.live, signal, trouble("payments")),
      repeat(FIGURES_SECONDS, signal, async () => {
        fillFigures(parts, await data("overview", {}, signal));
      }, trouble("figures")),
      watchMetrics(parts.upstream, first.metrics, signal, trouble("metrics")));
  }
  place.append(make("div", { class: "halves" },
    section("health", "Health", parts.health),
    first && section("upstream", "Upstream, followers and keys", parts.upstream)));
  Promise.all(lines).catch(failed);
}

const ledgerSections = (parts) => [
  parts.tiles,
  section("live", "Payments, live", parts.live),
  section("totals", "Settled payments", parts.totals),
  make("div", { class: "halves" },
    section("times", "Time to confirmation", parts.times),
    section("refused", "Refused requests", parts.refused)),
  section("callers", "Callers, seven days", parts.callers),
];

/** A line at the top that says what is not up to date, and why. */
function troubles(place) {
  const line = make("p", { class: "trouble", role: "status" });
  const known = new Map();
  place.append(line);
  return (name) => (error) => {
    if (error) known.set(name, error.message);
    else known.delete(name);
    const said = [...new Set(known.values())].join(" ");
    const words = said && `Not up to date: ${plain(said)}`;
    if (line.textContent !== words) line.textContent = words;
  };
}

function fillFigures(parts, found) {
  const total = (period) => found.totals.reduce((all, each) => all + each[period].count, 0);
  const { median, p90 } = found.confirmation;
  refill(parts.tiles, make("dl", {}, [
    ["Settled today", count(total("today"))],
    ["Settled in seven days", count(total("week"))],
    ["Median to confirm", median === null ? "–" : duration(median)],
    ["Refused in seven days", count(found.refusals.reduce((all, each) => all + each.count, 0))],
  ].map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value)))));
  refill(parts.totals, totals(found));
  refill(parts.times, times(found.confirmation));
  refill(parts.refused, refused(found.refusals));
  refill(parts.callers, callers(found.callers));
}

function totals(found) {
  if (!found.totals.length) return make("p", {}, "No payment was settled in seven days.");
  const period = (name, title) => [
    { title, number: true, cell: (each) => amount(each[name].amount, each.asset) },
    { title: `Payments, ${title.toLowerCase()}`, number: true, cell: (each) => count(each[name].count) },
  ];
  return table(`Settled payments by asset, ${found.firstDay} to ${found.today}, days of UTC`, [
    { title: "Asset", cell: (each) => assetLabel(each.asset) },
    { title: "Network", cell: (each) => foreign(each.network) },
    ...period("today", "Today"), ...period("week", "Seven days"),
    { title: "Fees, ada", number: true, cell: (each) => amount(each.week.fee, "lovelace") },
  ], found.totals);
}

function times({ count: settled, sample, median, p90, bins }) {
  if (!settled) return make("p", {}, "No payment was settled in seven days.");
  const label = ({ below, from }) => below === null ? `${short(from)}+` : `<${short(below)}`;
  const of = settled === sample ? `the newest ${count(sample)} payments` : several(settled, "payment");
  const words = `From claim to settlement, of ${of} of seven days: half within ${duration(median)}, `
    + `nine of ten within ${duration(p90)}.`;
  return [make("p", {}, words), columns("times-chart", "Time to confirmation", words,
    bins.map((bin) => ({ label: label(bin), value: bin.count })), [
      { title: "Time", cell: (bin) => bin.label },
      { title: "Payments", cell: (bin) => count(bin.value), number: true },
    ])];
}

const short = (seconds) => seconds < 60 ? `${seconds}s` : `${seconds / 60}m`;

function refused(found) {
  if (!found.length) return make("p", {}, "No request was refused in seven days.");
  const shown = found.slice(0, MOST_BARS).map((each) => ({ ...each, label: plain(each.reason), value: each.count }));
  const words = `Refused requests of seven days by reason; the most frequent is ${shown[0].label}.`;
  return bars("refused-chart", "Refused requests by reason", words, shown, [
    { title: "Reason", cell: (each) => each.label },
    { title: "Requests", cell: (each) => count(each.value), number: true },
    { title: "Last", cell: (each) => moment(each.lastAt) },
    { title: "Its sentence", cell: (each) => foreign(each.sample) },
  ]);
}

function callers(found) {
  if (!found.length) return make("p", {}, "No payment was settled in seven days.");
  const query = (each) => new URLSearchParams({ caller: each.caller ?? "", state: "settled" });
  return table("Settled payments by caller, seven days", [
    { title: "Caller", cell: (each) => make("a", {
      href: `#/payments?${query(each)}`, id: `caller-${each.caller ?? ""}-${each.network}-${each.asset}`,
    }, each.caller === null ? "without an API key" : foreign(each.caller)) },
    { title: "Payments", cell: (each) => count(each.count), number: true },
    { title: "Amount", cell: (each) => money(each.amount, each.asset), number: true },
  ], found);
}

function fillHealth(place, found) {
  const rows = Object.entries(found.dependencies).map(([name, each]) => ({ name, ...each }));
  refill(place,
    make("p", {}, make("span", { class: `state ${found.status}` }, found.status),
      ` Version ${plain(found.version)}, up for ${duration(found.uptime)}.`),
    table("Dependencies", [
      { title: "Dependency", cell: (each) => foreign(each.name) },
      { title: "State", cell: (each) => make("span", { class: `state ${each.status}` }, each.status) },
      { title: "Latency", cell: (each) => `${each.latency} ms`, number: true },
      { title: "Why", cell: (each) => each.error ? foreign(each.error) : "" },
    ], rows));
}

async function watchMetrics(place, hasMetrics, signal, trouble) {
  if (!hasMetrics) {
    place.append(make("p", {}, "Calls and quotas are not counted: the plugin prometheus is off."));
    return;
  }
  await repeat(FIGURES_SECONDS, signal, async () => {
    refill(place, ...upstream(parse(await metrics(signal))));
  }, trouble).catch((error) => {
    if (!(error instanceof Failure)) throw error;
    place.replaceChildren(make("p", {}, foreign(error.message)));
  });
}
