// Amounts, assets, times and foreign texts, as people read them.

import { make } from "./dom.js";

const ADA = "lovelace";
const TIME = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "medium" });
export const ZONE = TIME.resolvedOptions().timeZone;

/** Text that others wrote: what would be invisible, or turn the direction, is shown by its code. */
export const plain = (text) => String(text).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
  (each) => `\\u{${each.codePointAt(0).toString(16)}}`);

/** The same, apart from the text around it. */
export const foreign = (text) => make("bdi", {}, plain(text));

/** A text that others wrote, or that it is not known, or was erased. */
export const personal = (value, payment) =>
  value === null ? make("i", {}, payment.erased ? "erased" : "not known") : foreign(value);

/** The beginning and the end of a long text, with the whole as its title. */
export function shortened(text, head = 10, tail = 6) {
  const whole = plain(text);
  if (whole.length <= head + tail + 1) return make("bdi", {}, whole);
  return make("bdi", { title: whole }, `${whole.slice(0, head)}…${whole.slice(-tail)}`);
}

const grouped = (digits) => digits.replace(/\B(?=(\d{3})+$)/g, ",");

/** An amount in atomic units: ada with six decimals, others as they are. */
export function amount(units, asset) {
  const digits = String(units);
  if (!/^\d+$/.test(digits)) return plain(digits);
  if (asset !== ADA) return grouped(digits);
  const padded = digits.padStart(7, "0");
  return `${grouped(padded.slice(0, -6))}.${padded.slice(-6)}`;
}

/** The asset's own name, if it can be read. Anyone may give an asset any name. */
export function assetName(asset) {
  if (asset === ADA) return "ada";
  const hex = asset.split(".")[1] ?? "";
  const own = /^0[0-9a-f]{6}0/.test(hex) ? hex.slice(8) : hex; // without the label of CIP-67
  const bytes = own.match(/../g) ?? [];
  const text = String.fromCharCode(...bytes.map((each) => parseInt(each, 16)));
  return /^[\x20-\x7e]+$/.test(text) ? text : own.slice(0, 12) || "without a name";
}

/** The asset: its name, and the policy that it is under. */
export function assetLabel(asset) {
  if (asset === ADA) return "ada";
  const policy = asset.split(".")[0];
  return make("span", { title: plain(asset) },
    foreign(assetName(asset)), make("small", {}, ` of policy ${plain(policy).slice(0, 8)}…`));
}

export const money = (units, asset) => [amount(units, asset), " ", assetLabel(asset)];

/** A moment, in the zone of the reader. */
export const moment = (iso) =>
  make("time", { datetime: iso, title: iso }, TIME.format(new Date(iso)));

/** A time of so many seconds. */
export function duration(seconds) {
  if (seconds < 60) return `${Number(seconds.toFixed(seconds < 10 ? 1 : 0))} s`;
  const whole = Math.round(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours ? `${hours} h ${minutes} min` : `${minutes} min ${whole % 60} s`;
}

export const count = (number) => grouped(String(number));

/** So many of them: `1 payment`, `2 payments`. */
export const several = (number, name) => `${count(number)} ${name}${number === 1 ? "" : "s"}`;

/** The state as a word and a colour. */
export const state = (name) => make("span", { class: `state ${name}` }, name);
