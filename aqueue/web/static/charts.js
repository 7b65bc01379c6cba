/**
 * The last hour in small charts, a minute a step. They are drawn once and then only moved.
 * @module
 */

import { h, mark, reveal, say, svg } from "./dom.js";
import { minute } from "./format.js";

const HEIGHT = 60;
const STEP = 5;
const GAP = 1;

/**
 * @typedef {Object} Layer
 * @property {string} name in words
 * @property {string} state whose colour it has
 * @property {(minute: Object) => number|null} of
 */

/**
 * A chart.
 * @param {Object} what
 * @param {string} what.title
 * @param {Layer[]} what.layers  they stand on one another
 * @param {(value: number) => string} what.format
 * @param {(minutes: Object[]) => string} what.headline what it comes to, in words
 * @param {number} [what.least] the scale shows at least so much
 */
export function chart({ title, layers, format, headline, least = 0 }) {
  const drawn = layers.map(bars);
  const cursor = svg("rect.cursor", { y: 0, height: HEIGHT, width: STEP, visibility: "hidden" });
  const field = svg(
    "svg.field",
    { preserveAspectRatio: "none", role: "img" },
    cursor,
    drawn.map((one) => one.element),
  );
  const value = h("strong.headline");
  const top = h("span.top");
  const from = h("span");
  const reading = h("span.reading");
  const legend =
    layers.length > 1 &&
    h(
      "span.legend",
      layers.map(({ name, state }) => h("span", h("i", { "data-state": state }), name)),
    );
  let minutes = [];

  function point(event) {
    const { left, width } = field.getBoundingClientRect();
    const index = Math.min(
      minutes.length - 1,
      Math.max(0, Math.floor(((event.clientX - left) / width) * minutes.length)),
    );
    const one = minutes[index];
    if (!one) return;
    mark(mark(cursor, "x", index * STEP), "visibility", "visible");
    const values = layers
      .map((layer) => [layer.name, layer.of(one)])
      .map(([name, number]) => `${number === null ? "–" : format(number)}${layers.length > 1 ? ` ${name}` : ""}`);
    say(reading, `${minute(one.at)} · ${values.join(", ")}`);
  }

  field.addEventListener("pointermove", point);
  field.addEventListener("pointerleave", () => {
    mark(cursor, "visibility", "hidden");
    say(reading, "");
  });

  const update = (now) => {
    minutes = now;
    const most = Math.max(least, ...now.map((one) => sum(layers, one)));
    mark(field, "viewBox", `0 0 ${now.length * STEP - GAP} ${HEIGHT}`);
    const base = now.map(() => 0);
    for (const one of drawn) one.draw(now, most || 1, base);
    const told = headline(now);
    say(value, told);
    say(top, most ? format(most) : "");
    say(from, now.length ? minute(now[0].at) : "");
    mark(
      field,
      "aria-label",
      `${title} over the last hour: ${told}${most ? `, at most ${format(most)} in a minute` : ""}`,
    );
    reveal(top, most > 0);
  };
  const axis = h("div.axis", from, reading, h("span", "now"));
  const element = h("figure.chart", h("figcaption", h("span", title), value, legend), h("div.plot", top, field), axis);
  return { element, update };
}

function sum(layers, one) {
  return layers.reduce((total, layer) => total + (layer.of(one) ?? 0), 0);
}

function bars(layer) {
  const element = svg("g", { "data-state": layer.state });
  const draw = (minutes, most, base) => {
    while (element.children.length < minutes.length)
      element.append(svg("rect", { width: STEP - GAP, x: element.children.length * STEP }));
    minutes.forEach((one, index) => {
      const height = ((layer.of(one) ?? 0) / most) * HEIGHT;
      base[index] += height;
      mark(mark(element.children[index], "y", (HEIGHT - base[index]).toFixed(2)), "height", height.toFixed(2));
    });
  };
  return { element, draw };
}
