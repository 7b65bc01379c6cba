/**
 * Jobs: tabs by state, filters that stand in the address, and verbs on what is chosen or on all that match.
 * @module
 */

import { h, keyed, mark, put, reveal, say } from "./dom.js";
import { jobFilters } from "./filters.js";
import { get, queryOf } from "./http.js";
import { jobHeads, jobRow } from "./job-row.js";
import { merge } from "./listing.js";
import { attempt } from "./notice.js";
import { pace } from "./pace.js";
import { Selection } from "./selection.js";
import { session } from "./session.js";
import { stateTabs } from "./state-tabs.js";

const LIMIT = 50;
const MOST_LOOKS = 20;
const READ_AGAIN = 2000; // milliseconds between two looks at what only the server can tell

/** @returns {Promise<import("./router.js").Page>} */
export async function openJobs({ query, signal, live, go }) {
  const page = new JobsPage(signal, go);
  if (live.status) page.tellQueues(live.status);
  await page.go(query);
  return page;
}

/** What the address asks for. */
function viewOf(query) {
  const [state, queue, tag, search, cursor] = ["state", "queue", "tag", "search", "cursor"].map(
    (key) => query.get(key) ?? "",
  );
  return { state, queue, tag, search, cursor, sort: query.get("sort") ?? "newest", limit: LIMIT };
}

/** The address of a view; what is as usual is not in it. */
function addressOf({ state, queue, tag, search, sort, cursor }) {
  return `/jobs${queryOf({ state, queue, tag, search, sort: sort === "newest" ? "" : sort, cursor })}`;
}

class JobsPage {
  title = "Jobs";
  #view = null;
  #rows = [];
  #next = null;
  #held = null; // what has changed while somebody points at the rows
  #number = 0;
  #asked = false;
  #reading = false;
  #meanwhile = []; // what was heard while the server was asked: its answer may be older

  constructor(signal, go) {
    const change = (part, options) => go(addressOf({ ...this.#view, cursor: "", ...part }), options);
    this.tabs = stateTabs((state) => addressOf({ ...this.#view, state, cursor: "" }));
    this.filters = jobFilters(change);
    this.selection = session.may_change
      ? new Selection(
          () => this.#wanted(),
          () => attempt(() => this.#read(true)),
        )
      : null;
    this.body = h("tbody");
    this.draw = keyed(
      this.body,
      (job) => job.id,
      (job) => this.#row(job),
    );
    this.none = h("div.empty", { hidden: true });
    this.fresh = h("button.fresh", { type: "button", hidden: true, onclick: () => this.#letGo() });
    this.newer = h("a.button", { hidden: true }, "Newest");
    this.older = h("a.button", { hidden: true, rel: "next" }, "Next page");
    this.table = h(
      "div.table",
      h("table.jobs", h("caption.unseen", "Jobs"), h("thead", h("tr", this.selection?.head, jobHeads())), this.body),
      this.none,
    );
    this.table.addEventListener("pointerleave", () => this.#letGo());
    this.element = h(
      "section.page",
      h("div.title", h("h1", "Jobs")),
      this.tabs.element,
      this.filters.element,
      this.selection?.element,
      this.fresh,
      this.table,
      h("nav.pages", { "aria-label": "Pages of jobs" }, this.newer, this.older),
    );
    this.again = pace(() => this.#read(), READ_AGAIN, signal);
    this.signal = signal;
  }

  /** Show what a query asks for. */
  async go(query) {
    const before = this.#view?.cursor;
    this.#view = viewOf(query);
    this.filters.set(this.#view);
    this.selection?.clear();
    if (this.#number) await attempt(() => this.#read(true));
    else await this.#read(true);
    if (before !== undefined && before !== this.#view.cursor) scrollTo(0, history.state?.scroll ?? 0);
  }

  refresh() {
    this.again();
  }

  /** Say which queues there are. */
  tellQueues(status) {
    this.filters.tellQueues(status.queues.map((queue) => queue.name));
  }

  update(change) {
    this.tellQueues(change.status);
    this.tabs.tellStatus(change.status, this.#view);
    if (change.more) return this.again();
    if (!change.jobs.length && !change.removed.length) return;
    if (this.#reading) this.#meanwhile.push(change);
    if (this.#asked) return; // another view is about to be shown
    const { rows, stale } = merge(this.#held ?? this.#rows, change, this.#view);
    if (this.#isBusy && moves(this.#rows, rows)) this.#hold(rows);
    else this.#show(rows);
    if (stale) this.again();
  }

  /** Read the page; what the reader has asked for himself is shown at once, wherever he points. */
  async #read(isAsked = false) {
    const number = ++this.#number;
    this.#asked ||= isAsked; // also if another look overtakes this one
    this.#reading = true;
    this.#meanwhile = [];
    if (isAsked) mark(this.table, "aria-busy", "true");
    try {
      const found = await readPage(this.#view, this.signal, () => number === this.#number);
      if (number === this.#number) this.#tell(found); // else a later question was asked meanwhile
    } finally {
      if (number === this.#number) this.#rest();
    }
  }

  #rest() {
    this.#reading = this.#asked = false;
    mark(this.table, "aria-busy", null);
  }

  #tell({ items, next, counts }) {
    const rows = this.#meanwhile.reduce((known, change) => merge(known, change, this.#view).rows, items);
    this.#next = next;
    this.tabs.set(this.#view, counts);
    if (!this.#asked && this.#isBusy && this.#rows.length && moves(this.#rows, rows)) this.#hold(rows);
    else this.#show(rows);
    this.#link();
  }

  /** Rows do not move away under the pointer, nor while some are chosen. */
  get #isBusy() {
    return this.body.matches(":hover") || this.body.contains(document.activeElement) || Boolean(this.selection?.size);
  }

  /** Keep new rows back; what is on the screen only changes in place. */
  #hold(rows) {
    const now = new Map(rows.map((job) => [job.id, job]));
    this.#rows = this.#rows.map((job) => now.get(job.id) ?? job);
    this.draw(this.#rows);
    this.#held = rows;
    const shown = new Set(this.#rows.map((job) => job.id));
    const more = rows.filter((job) => !shown.has(job.id)).length;
    reveal(say(this.fresh, more ? `${more} more: show the list as it is now` : "Show the list as it is now"), true);
  }

  #letGo() {
    if (!this.#held || this.selection?.size) return;
    this.#show(this.#held);
  }

  #show(rows) {
    this.#rows = rows;
    this.#held = null;
    reveal(this.fresh, false);
    this.draw(rows);
    this.selection?.tell(rows);
    reveal(this.none, rows.length === 0);
    if (!rows.length) put(this.none, this.#nothing());
  }

  #nothing() {
    if (this.#next) return h("p", "None so far.");
    if (this.#isFiltered) return h("p", "No job matches.");
    return [h("p", "There is no job yet."), h("p", "Add one with ", h("code", "aqueue enqueue 'echo hello'"), ".")];
  }

  get #isFiltered() {
    const { state, queue, tag, search, cursor } = this.#view;
    return Boolean(state || queue || tag || search || cursor);
  }

  #link() {
    reveal(this.newer, Boolean(this.#view.cursor)).setAttribute("href", addressOf({ ...this.#view, cursor: "" }));
    this.newer.textContent = this.#view.sort === "oldest" ? "Oldest" : "Newest";
    reveal(this.older, Boolean(this.#next)).setAttribute(
      "href",
      addressOf({ ...this.#view, cursor: this.#next ?? "" }),
    );
    this.older.textContent = this.#rows.length < LIMIT ? "Go on searching" : "Next page";
  }

  /** The selection that the view means, for verbs on all that match. */
  #wanted() {
    const { state, queue, tag, search } = this.#view;
    const given = Object.fromEntries(Object.entries({ state, queue, tag, search }).filter(([, value]) => value));
    return Object.keys(given).length ? given : { all: true };
  }

  #row(job) {
    const row = jobRow(job, this.selection && ((tick, one, range) => this.selection.choose(tick, one, range)));
    this.selection?.know(job.id, row.tick);
    return row;
  }
}

/**
 * A page of jobs. What is rare the server seeks among some thousands of jobs at a time; here it is asked to go on, for a
 * while.
 */
async function readPage(view, signal, isWanted) {
  let { items, next, counts } = await get(`/api/jobs${queryOf(view)}`, signal);
  for (let looks = 1; next && items.length < view.limit && looks < MOST_LOOKS && isWanted(); looks += 1) {
    const more = await get(`/api/jobs${queryOf({ ...view, cursor: next, limit: view.limit - items.length })}`, signal);
    items = [...items, ...more.items];
    next = more.next;
  }
  return { items, next, counts };
}

/** Whether other rows, or the same in another order, would be shown. */
function moves(rows, others) {
  return rows.length !== others.length || rows.some((job, index) => job.id !== others[index].id);
}
