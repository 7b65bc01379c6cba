/**
 * What is chosen in a list of jobs, and the bar with what can be done to it.
 * @module
 */

import { h, reveal, say } from "./dom.js";
import { jobs } from "./format.js";
import { verbsOf } from "./states.js";
import { button, doToMany, verbButton } from "./verbs.js";

const VERBS = ["retry", "cancel", "hold", "release", "remove"];

/**
 * @param {() => Object} allThatMatch the selection that means all jobs of the view
 * @param {() => void} onDone
 */
export function selectionBar(allThatMatch, onDone) {
  const ticks = new Map(); // of the rows that are on the screen
  const chosen = new Set();
  let rows = [];
  let last = null;
  let all = false;

  const head = h("th.c-tick", { scope: "col" });
  const whole = h("input", { type: "checkbox", "aria-label": "Select all jobs of this page" });
  head.append(whole);
  const number = h("strong", { role: "status" });
  const more = button("Select all that match", null, () => set(true), { kind: "link" });
  const none = button("Clear", null, () => clear(), { kind: "link" });
  const act = async (verb) => {
    const done = all ? doToMany(verb, allThatMatch(), { which: "that match" }) : doToMany(verb, ...fitting(verb));
    if (await done) {
      clear();
      whole.focus({ preventScroll: true }); // the button that had the focus is gone
      onDone();
    }
  };
  const verbs = VERBS.map((verb) => verbButton(verb, () => act(verb)));
  const element = h("div.selection", { hidden: true, role: "group", "aria-label": "Chosen jobs" }, number, more, none, h("span.verbs", verbs));

  /** The chosen jobs that a verb fits, since of several it is done to all or to none; and how many are left out. */
  function fitting(verb) {
    const ids = rows.filter((job) => chosen.has(job.id) && verbsOf(job).includes(verb)).map(({ id }) => id);
    return [{ ids }, { unfit: chosen.size - ids.length }];
  }

  whole.addEventListener("click", () => {
    for (const job of rows) pick(job.id, whole.checked);
    all = false;
    draw();
  });

  function pick(id, yes) {
    if (yes) chosen.add(id);
    else chosen.delete(id);
  }

  function set(every) {
    all = every;
    draw();
  }

  function clear() {
    chosen.clear();
    set(false);
  }

  function draw() {
    for (const [id, tick] of ticks) tick.checked = all || chosen.has(id);
    const here = rows.filter((job) => chosen.has(job.id)).length;
    whole.checked = all || (rows.length > 0 && here === rows.length);
    whole.indeterminate = !all && here > 0 && here < rows.length;
    reveal(element, all || chosen.size > 0);
    reveal(more, !all);
    say(number, all ? "All that match are chosen" : `${jobs(chosen.size)} chosen`);
  }

  return {
    element,
    head,
    clear,
    get size() {
      return all ? Infinity : chosen.size;
    },
    /** A row has appeared. */
    know(id, tick) {
      ticks.set(id, tick);
      tick.checked = all || chosen.has(id);
    },
    /** These rows are on the screen now. What is gone is chosen no more. */
    tell(now) {
      rows = now;
      const shown = new Set(now.map((job) => job.id));
      for (const id of ticks.keys()) if (!shown.has(id)) ticks.delete(id);
      for (const id of chosen) if (!shown.has(id)) chosen.delete(id);
      draw();
    },
    /** A row was ticked; with the shift key all from the last one to this. */
    choose(tick, job, range) {
      all = false;
      const [from, to] = [last, job.id].map((id) => rows.findIndex((one) => one.id === id));
      const reach = range && from >= 0 ? rows.slice(Math.min(from, to), Math.max(from, to) + 1) : [job];
      for (const one of reach) pick(one.id, tick.checked);
      last = job.id;
      draw();
    },
  };
}
