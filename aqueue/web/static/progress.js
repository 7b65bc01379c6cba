/**
 * What a job says of its own progress: `42 step 3`, as a bar and words.
 * @module
 */

import { h, mark, reveal, say } from "./dom.js";
import { oneLine } from "./text.js";

/** A bar that is there only while there is something to say. */
export function progress() {
  const fill = h("span.fill");
  const bar = h(
    "span.bar",
    { role: "progressbar", "aria-label": "Progress", "aria-valuemin": 0, "aria-valuemax": 100 },
    fill,
  );
  const words = h("span.words");
  const element = h("div.progress", { hidden: true }, bar, words);
  const set = (text) => {
    reveal(element, Boolean(text));
    if (!text) return;
    const [, number, rest] = /^(\d{1,3})(?:\s+(.*))?$/s.exec(text) ?? [];
    reveal(bar, number !== undefined);
    if (number === undefined) return void say(words, oneLine(text));
    const value = Math.min(100, Number(number));
    mark(bar, "aria-valuenow", value);
    fill.style.setProperty("width", `${value}%`);
    say(words, rest ? `${value} % · ${oneLine(rest)}` : `${value} %`);
  };
  return { element, set };
}
