// Metrics in Prometheus' text format: calls upstream, what is left of plans, followers, API keys.

import { make, table as plainTable } from "./dom.js";
import { count, duration, plain } from "./words.js";

const SAMPLE = /^(\w+)(?:\{(.*)\})? (\S+)/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;
const ESCAPED = /\\(.)/g;

/** The samples: `[{ name, labels, value }]`. */
export const parse = (text) => text.split("\n").filter((line) => line && !line.startsWith("#"))
  .map((line) => SAMPLE.exec(line)).filter(Boolean)
  .map(([, name, labels = "", value]) => ({ name, value: Number(value), labels: labelsOf(labels) }));

const labelsOf = (text) => Object.fromEntries([...text.matchAll(LABEL)].map(([, name, value]) =>
  [name, value.replace(ESCAPED, (_, each) => (each === "n" ? "\n" : each))]));

/** The sums of these samples, or null if there is none. */
const sum = (samples) => samples.length ? samples.reduce((all, each) => all + each.value, 0) : null;
const table = (title, ...rest) => [make("h3", {}, title), plainTable(title, ...rest)];
const number = (value) => value === null ? "–" : count(value);

/** What the samples say, as tables. */
export function upstream(samples) {
  const of = (name, labels = {}) => samples.filter((each) => each.name === `facilitator_${name}`
    && Object.entries(labels).every(([key, value]) => each.labels[key] === value));
  const groups = (name, ...keys) => [...new Map(of(name).map(({ labels }) => {
    const found = Object.fromEntries(keys.map((key) => [key, labels[key]]));
    return [JSON.stringify(found), found];
  })).values()];
  const figure = (title, read) => ({ title, number: true, cell: (labels) => number(sum(read(labels))) });
  const failed = (labels) => of("upstream_requests_total", labels)
    .filter((each) => !/^2|^404$/.test(each.labels.status));
  const providers = table("Calls of chain providers since the start", [
    { title: "Provider", cell: ({ provider, network }) => plain(`${provider}, ${network}`) },
    figure("Calls", (labels) => of("upstream_requests_total", labels)),
    figure("Failed", failed),
    figure("Withheld", (labels) => of("upstream_withheld_requests_total", labels)),
    figure("Used today", (labels) => of("upstream_quota_used_requests", labels)),
    figure("Left today", (labels) => of("upstream_quota_remaining_requests", labels)),
  ], groups("upstream_requests_total", "provider", "network"));
  const followers = table("Followers of chains", [
    { title: "Network", cell: ({ network }) => plain(network) },
    figure("Processes", (labels) => of("following", labels)),
    { title: "Behind", number: true, cell: (labels) =>
      duration(sum(of("follower_lag_seconds", labels)) ?? 0) },
    figure("Blocks", (labels) => of("followed_blocks_total", labels)),
    figure("Rolled back", (labels) => of("rolled_back_blocks_total", labels)),
  ], groups("following", "network"));
  const keys = groups("api_key_requests_total", "key");
  return [
    of("upstream_requests_total").length ? providers : make("p", {}, "No call upstream was counted yet."),
    followers,
    keys.length ? table("Requests by API key since the start", [
      { title: "Key", cell: ({ key }) => plain(key) },
      figure("Requests", (labels) => of("api_key_requests_total", labels)),
    ], keys) : [],
  ].flat();
}
