// Two charts as SVG, drawn to the width that there is, so that their text keeps its size.

import { make, table } from "./dom.js";
import { count } from "./words.js";

const ROW = 40;
const HEIGHT = 150;
const BASE = 22;
const TOP = 18;

/**
 * A chart of `[{ label, value }]`, with the same numbers as a table of these columns.
 *
 * `words` say what it shows. `draw` makes the shapes from the bars and the width.
 */
function chart(id, title, words, bars, heads, draw) {
  const place = make("div", { class: "plot" });
  new ResizeObserver(() => {
    const width = Math.max(200, Math.floor(place.clientWidth));
    const { height, shapes } = draw(bars, width);
    place.replaceChildren(make("svg", {
      width, height, viewBox: `0 0 ${width} ${height}`, role: "img",
      "aria-labelledby": `${id}-title ${id}-desc`,
    }, make("title", { id: `${id}-title` }, title), make("desc", { id: `${id}-desc` }, words), shapes));
  }).observe(place);
  return make("figure", {}, place,
    make("details", { id: `${id}-table` }, make("summary", { id: `${id}-open` }, "As a table"), table(title, heads, bars)));
}

const greatest = (bars) => Math.max(1, ...bars.map((bar) => bar.value));
const text = (x, y, attributes, words) => make("text", { x, y, ...attributes }, words);

/** Bars that lie, each under its label: for long names. */
export const bars = (id, title, words, values, heads) =>
  chart(id, title, words, values, heads, (found, width) => ({
    height: found.length * ROW,
    shapes: found.map((bar, index) => make("g", {},
      text(0, index * ROW + 13, {}, bar.label),
      text(width, index * ROW + 13, { "text-anchor": "end" }, count(bar.value)),
      make("rect", {
        class: "bar", x: 0, y: index * ROW + 19, height: 10, rx: 2,
        width: Math.max(2, (width * bar.value) / greatest(found)),
      }))),
  }));

/** Columns side by side: for classes with short names. */
export const columns = (id, title, words, values, heads) =>
  chart(id, title, words, values, heads, (found, width) => {
    const step = width / found.length;
    const scale = (HEIGHT - BASE - TOP) / greatest(found);
    const column = (bar, index) => {
      const [middle, height] = [(index + 0.5) * step, bar.value * scale];
      const top = HEIGHT - BASE - height;
      return make("g", {},
        make("rect", { class: "bar", x: index * step + 2, y: top, width: step - 4, height, rx: 2 }),
        bar.value ? text(middle, top - 4, { "text-anchor": "middle" }, count(bar.value)) : null,
        text(middle, HEIGHT - 6, { "text-anchor": "middle", class: "faint" }, bar.label));
    };
    const base = make("line", {
      class: "axis", x1: 0, x2: width, y1: HEIGHT - BASE + 0.5, y2: HEIGHT - BASE + 0.5,
    });
    return { height: HEIGHT, shapes: [found.map(column), base] };
  });
