// Makes elements. Text from outside becomes text nodes, never HTML: payers have written some of it.

const SVG = "http://www.w3.org/2000/svg";
const SVG_NAMES = new Set(["svg", "g", "rect", "line", "text", "title", "desc"]);

/** An element; attributes that are functions listen to the event of that name. */
export function make(name, attributes = {}, ...children) {
  const element = SVG_NAMES.has(name)
    ? document.createElementNS(SVG, name)
    : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(key, value);
    else if (value !== false && value !== undefined) element.setAttribute(key, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}

/** Put new content into a place. What has the focus, and what is open, stays so by its id. */
export function refill(place, ...content) {
  const focused = place.contains(document.activeElement) ? document.activeElement.id : "";
  const open = [...place.querySelectorAll("details[open][id]")].map((each) => each.id);
  place.replaceChildren(...content.flat());
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}

/**
 * A table. Each column is `{ title, cell, number }`, where `cell` makes content of a row.
 *
 * Roles are explicit, since a narrow window shows rows as blocks, which then are no rows otherwise.
 */
export function table(caption, columns, rows, attributesOf = () => ({})) {
  const heads = columns.map(({ title, number }) =>
    make("th", { scope: "col", role: "columnheader", class: number ? "number" : undefined }, title));
  const line = (row) => make("tr", { role: "row", ...attributesOf(row) }, columns.map(
    ({ title, cell, number }) => {
      const content = cell(row);
      return make("td", { role: "cell", "data-title": title, class: number ? "number" : undefined },
        content === "" ? [] : make("span", {}, content));
    }));
  return make("table", { role: "table" },
    make("caption", { class: "aside" }, caption),
    make("thead", { role: "rowgroup" }, make("tr", { role: "row" }, heads)),
    make("tbody", { role: "rowgroup" }, rows.map(line)));
}

/** A list of names and values. */
export const facts = (pairs) => make("dl", {}, pairs.map(([name, ...value]) =>
  make("div", {}, make("dt", {}, name), make("dd", {}, value))));

/** A titled part of a page. */
export const section = (id, title, ...content) => make("section", { "aria-labelledby": id },
  make("h2", { id }, title), content);
