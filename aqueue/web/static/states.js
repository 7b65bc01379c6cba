/**
 * The eight states of a job: in the order of its life, each with a colour (of the style sheet) and a sign of its own,
 * for those who cannot tell the colours apart.
 * @module
 */

import { h, mark, say } from "./dom.js";
import { icon } from "./icons.js";

/** All of them. */
export const STATES = ["scheduled", "blocked", "pending", "processing", "failed", "completed", "dead", "cancelled"];

const FINISHED = new Set(["completed", "dead", "cancelled"]);

/** What each state means, for the title of its name. */
export const MEANING = {
  scheduled: "waits for its time, or is held until it is released",
  blocked: "waits for the jobs that it comes after",
  pending: "due, waits for a slot",
  processing: "a run is going on",
  failed: "the last run failed; waits for its retry",
  completed: "a run exited with 0",
  dead: "given up: in the dead letter queue",
  cancelled: "stopped on purpose, or with a job it depended on",
};

/** Whether a job leaves this state only by hand. */
export function isFinished(state) {
  return FINISHED.has(state);
}

/** A state as a small label with its sign. `set` gives it another. */
export function stateLabel(job) {
  const word = h("span");
  const sign = h("span.sign");
  const element = h("span.state", sign, word);
  const set = ({ state, held }) => {
    const shown = held && state === "scheduled" ? "held" : state;
    if (element.dataset.state === state && word.textContent === shown) return;
    mark(element, "data-state", state);
    mark(element, "title", MEANING[state] ?? "");
    sign.replaceChildren(icon(shown === "held" ? "pause" : state));
    say(word, shown);
  };
  set(job);
  return { element, set };
}

/** The verbs that make sense for a job in its state. */
export function verbsOf(job) {
  const { state, held } = job;
  const finished = isFinished(state);
  return [
    (finished || state === "failed") && "retry",
    held && !finished && "release",
    !held && ["pending", "failed", "scheduled", "blocked"].includes(state) && "hold",
    !finished && "cancel",
    state !== "processing" && "remove",
  ].filter(Boolean);
}
