/**
 * What is chosen in a list of jobs, and the bar with what can be done to it.
 * @module
 */

import { h, reveal, say } from "./dom.js";
import { jobs } from "./format.js";
import { verbsOf } from "./states.js";
import { button, doToMany, verbButton } from "./verbs.js";

const VERBS = ["retry", "cancel", "hold", "release", "remove"];

/** The chosen jobs of a list, or all that match. */
export class Selection {
  #ticks = new Map(); // of the rows that are on the screen
  #chosen = new Set();
  #rows = [];
  #last = null;
  #all = false;

  /**
   * @param {() => Object} allThatMatch the selection that means all jobs of the view
   * @param {() => void} onDone something was done to jobs
   */
  constructor(allThatMatch, onDone) {
    this.allThatMatch = allThatMatch;
    this.onDone = onDone;
    this.whole = h("input", { type: "checkbox", "aria-label": "Select all jobs of this page" });
    this.whole.addEventListener("click", () => this.#choosePage(this.whole.checked));
    this.head = h("th.c-tick", { scope: "col" }, this.whole);
    this.number = h("strong", { role: "status" });
    this.more = button("Select all that match", null, () => this.#set(true), { kind: "link" });
    const none = button("Clear", null, () => this.clear(), { kind: "link" });
    const verbs = h(
      "span.verbs",
      VERBS.map((verb) => verbButton(verb, () => this.#act(verb))),
    );
    const attributes = { hidden: true, role: "group", "aria-label": "Chosen jobs" };
    this.element = h("div.selection", attributes, this.number, this.more, none, verbs);
  }

  /** How many are chosen. */
  get size() {
    return this.#all ? Infinity : this.#chosen.size;
  }

  /** Choose none. */
  clear() {
    this.#chosen.clear();
    this.#set(false);
  }

  /** A row has appeared. */
  know(id, tick) {
    this.#ticks.set(id, tick);
    tick.checked = this.#all || this.#chosen.has(id);
  }

  /** These rows are on the screen now. What is gone is chosen no more. */
  tell(rows) {
    this.#rows = rows;
    const shown = new Set(rows.map((job) => job.id));
    for (const id of this.#ticks.keys()) if (!shown.has(id)) this.#ticks.delete(id);
    for (const id of this.#chosen) if (!shown.has(id)) this.#chosen.delete(id);
    this.#draw();
  }

  /** A row was ticked; with the shift key all from the last one to this. */
  choose(tick, job, isRange) {
    this.#all = false;
    const [from, to] = [this.#last, job.id].map((id) => this.#rows.findIndex((one) => one.id === id));
    const reach = isRange && from >= 0 ? this.#rows.slice(Math.min(from, to), Math.max(from, to) + 1) : [job];
    for (const one of reach) this.#pick(one.id, tick.checked);
    this.#last = job.id;
    this.#draw();
  }

  #choosePage(yes) {
    for (const job of this.#rows) this.#pick(job.id, yes);
    this.#set(false);
  }

  #pick(id, yes) {
    if (yes) this.#chosen.add(id);
    else this.#chosen.delete(id);
  }

  #set(all) {
    this.#all = all;
    this.#draw();
  }

  async #act(verb) {
    const meant = this.#all ? [this.allThatMatch(), { which: "that match" }] : this.#fitting(verb);
    if (!(await doToMany(verb, ...meant))) return;
    this.clear();
    this.whole.focus({ preventScroll: true }); // the button that had the focus is gone
    this.onDone();
  }

  /** The chosen jobs that a verb fits, since of several it is done to all or to none; and how many are left out. */
  #fitting(verb) {
    const fit = this.#rows.filter((job) => this.#chosen.has(job.id) && verbsOf(job).includes(verb));
    return [{ ids: fit.map(({ id }) => id) }, { unfit: this.#chosen.size - fit.length }];
  }

  #draw() {
    for (const [id, tick] of this.#ticks) tick.checked = this.#all || this.#chosen.has(id);
    const here = this.#chosen.size;
    this.whole.checked = this.#all || (here > 0 && here === this.#rows.length);
    this.whole.indeterminate = !this.#all && here > 0 && here < this.#rows.length;
    reveal(this.element, this.#all || here > 0);
    reveal(this.more, !this.#all);
    say(this.number, this.#all ? "All that match are chosen" : `${jobs(here)} chosen`);
  }
}
