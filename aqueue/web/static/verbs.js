/**
 * What is done to jobs: one of them at once, many after a question that names their number.
 * @module
 */

import { ask } from "./dialog.js";
import { h } from "./dom.js";
import { jobs } from "./format.js";
import { jobPath, send } from "./http.js";
import { icon } from "./icons.js";
import { attempt, notice } from "./notice.js";

/** The verbs: what a button says, what was done, and the sign. */
export const VERBS = {
  retry: { label: "Retry", done: "retried", sign: "failed" },
  cancel: { label: "Cancel", done: "cancelled", sign: "cancelled", danger: true },
  hold: { label: "Hold", done: "held", sign: "pause" },
  release: { label: "Release", done: "released", sign: "resume" },
  remove: { label: "Remove", done: "removed", sign: "trash", danger: true },
};

/** A button that does something. `label` says more than its text where that stands in a list of many. */
export function button(text, sign, onclick, { label = null, kind = "" } = {}) {
  const content = [sign && icon(sign), text && h("span", text)];
  const element = h(kind ? `button.${kind}` : "button", { type: "button", "aria-label": label }, content);
  element.addEventListener("click", async () => {
    // Not `disabled`: that would lose the focus, which a dialog gives back.
    if (element.ariaBusy === "true") return;
    element.ariaBusy = "true";
    await onclick(element);
    element.ariaBusy = null;
  });
  return element;
}

/** The button of a verb. */
export function verbButton(verb, onclick, options = {}) {
  const { label, sign, danger } = VERBS[verb];
  return button(label, sign, onclick, { kind: danger ? "danger" : "", ...options });
}

/**
 * Do it to one job. It is asked first where nothing brings the job back.
 * @returns {Promise<boolean>} whether it was done
 */
export async function doToOne(verb, id) {
  const question = { title: `Remove job ${id}?`, text: "Its history and its output go with it.", yes: "Remove it" };
  if (verb === "remove" && !(await ask({ ...question, danger: true }))) return false;
  const request = verb === "remove" ? ["DELETE", jobPath(id)] : ["POST", jobPath(id, `/${verb}`)];
  const answer = await attempt(async () => (await send(...request)) ?? {});
  // A running job is cancelled when its processes are gone.
  if (answer) notice(`Job ${id} is ${answer.state === "processing" ? "being ended" : VERBS[verb].done}.`);
  return Boolean(answer);
}

/**
 * Do it to a selection, after the question.
 * @param {string} verb
 * @param {Object} selection `{ids}`, or `{state, queue, tag, search}`, or `{all: true}`
 * @param {Object} [told]
 * @param {string} [told.which] in words: `that match`
 * @param {number} [told.unfit] how many were left out already
 * @returns {Promise<boolean>} whether it was done
 */
export async function doToMany(verb, selection, { which = "", unfit = 0 } = {}) {
  const { label, done, danger } = VERBS[verb];
  const path = `/api/jobs/${verb}`;
  const isNone = selection.ids?.length === 0;
  const dry = isNone ? { matched: 0 } : await attempt(() => send("POST", path, { ...selection, dry_run: true }));
  if (!dry) return false;
  if (!dry.matched) {
    notice(`None of these jobs can be ${done}.`);
    return false;
  }
  const number = jobs(dry.matched);
  const title = `${label} ${number}${which && ` ${which}`}?`;
  if (!(await ask({ title, text: consequence(verb, dry.skipped + unfit), yes: `${label} ${number}`, danger })))
    return false;
  const outcome = await attempt(() => send("POST", path, selection));
  if (outcome) notice(`${jobs(outcome.done)} ${outcome.done === 1 ? "is" : "are"} ${done}.`);
  return Boolean(outcome);
}

function consequence(verb, unfit) {
  const left = unfit
    ? ` ${jobs(unfit)} of the selection cannot be ${VERBS[verb].done}, and ${unfit === 1 ? "is" : "are"} left alone.`
    : "";
  const sentences = {
    retry: "They run again, with a fresh set of attempts. Their history stays.",
    cancel: "What runs is ended; what comes after these jobs is cancelled with them.",
    hold: "They do not run until they are released.",
    release: "They may run at once.",
    remove: "Their history and their output go with them. There is no way back.",
  };
  return sentences[verb] + left;
}
