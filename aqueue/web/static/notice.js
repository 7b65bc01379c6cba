/**
 * Short words about what was just done, in a corner; they are read out. What went wrong stays until it is put away.
 * @module
 */

import { h } from "./dom.js";
import { icon } from "./icons.js";

const STAYS = 8000;
const MOST = 4;

const done = h("div.notices-done", { role: "status", "aria-live": "polite" });
const wrong = h("div.notices-wrong", { role: "alert" });

/** Where the words appear. */
export const notices = h("div.notices", wrong, done);

/** Say what was done. Parts are texts and elements. */
export function notice(...parts) {
  const element = show(done, "notice", parts);
  setTimeout(() => element.remove(), STAYS);
}

/** Say what went wrong. */
export function complain(error) {
  show(wrong, "notice.wrong", [error.message]);
}

/** Do something, and say so if it fails. Returns what it returned, or undefined. */
export async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    if (error.name !== "AbortError") complain(error);
    return undefined;
  }
}

function show(where, kind, parts) {
  const close = h("button.quiet.small", { type: "button", "aria-label": "Dismiss" }, icon("close"));
  const element = h(`div.${kind}`, h("p", parts), close);
  close.addEventListener("click", () => element.remove());
  while (where.children.length >= MOST) where.firstElementChild.remove();
  where.append(element);
  return element;
}
