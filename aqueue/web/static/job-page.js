/**
 * A job: its command, what became of it and why, what it printed, and what can be done about it.
 * @module
 */

import { copyButton } from "./copy.js";
import { h, keyed, put, reveal, say } from "./dom.js";
import { eventList } from "./events.js";
import { facts } from "./facts.js";
import { family } from "./family.js";
import { get, jobPath, queryOf } from "./http.js";
import { icon } from "./icons.js";
import { Output } from "./output.js";
import { pace } from "./pace.js";
import { progress } from "./progress.js";
import { runsTable } from "./runs.js";
import { session } from "./session.js";
import { isFinished, stateLabel, verbsOf } from "./states.js";
import { oneLine, sentence, visible } from "./text.js";
import { timeline } from "./timeline.js";
import { doToOne, verbButton } from "./verbs.js";

const READ_AGAIN = 150; // milliseconds between two looks at a job that changes
const PART = 1000; // events that come at once
const SETTLES = 500; // milliseconds until verbs that have changed take a click
const ASK_WHY = 1500;

/** @returns {Promise<import("./router.js").Page>} */
export async function openJob({ params: { id }, signal, live, go }) {
  const [job, events] = await read(id, signal);
  return new JobPage(job, events, { signal, live, go });
}

function read(id, signal, known = []) {
  return Promise.all([get(jobPath(id), signal), readEvents(id, signal, known)]);
}

/** All events of a job, of which some are known; they come in parts. */
async function readEvents(id, signal, known) {
  const events = [...known];
  for (;;) {
    const part = await get(jobPath(id, `/events${queryOf({ after: events.at(-1)?.event, limit: PART })}`), signal);
    events.push(...part);
    if (part.length < PART) return events;
  }
}

class JobPage {
  #job;
  #go;
  #events = [];
  #gone = false;
  #verbs = null;
  #changed = -Infinity;

  constructor(job, events, { signal, live, go }) {
    this.#job = job;
    this.#go = go;
    this.title = `Job ${job.id}`;
    this.signal = signal;
    this.state = stateLabel(job);
    this.verbs = h("span.verbs");
    this.drawVerbs = keyed(
      this.verbs,
      (verb) => verb,
      (verb) => ({ element: verbButton(verb, () => this.#do(verb)), update() {} }),
    );
    this.command = h("pre.shell", { tabindex: 0, "aria-label": "Command" });
    this.reason = h("p.why");
    this.error = h("p.why.bad", { hidden: true });
    this.bar = progress();
    this.timeline = timeline();
    this.facts = facts();
    this.family = family();
    this.runs = runsTable((run) => this.#showOutput(run));
    this.events = eventList();
    this.output = new Output(job.id, live, signal);
    this.element = this.#build();
    this.again = pace(() => this.#read(), READ_AGAIN, signal);
    this.askWhy = pace(() => this.#read(), ASK_WHY, signal);
    this.#tell(job, events);
  }

  #build() {
    const like =
      session.may_enqueue &&
      h(
        "a.button",
        { href: `/enqueue?like=${encodeURIComponent(this.#job.id)}` },
        icon("edit"),
        "Edit and enqueue again",
      );
    return h(
      "section.page",
      h(
        "nav.crumbs",
        { "aria-label": "Where this is" },
        h("a", { href: "/jobs" }, "Jobs"),
        h("span", { "aria-hidden": "true" }, "/"),
        h("span", this.#job.id),
      ),
      h(
        "div.title",
        h("h1", `Job ${this.#job.id}`),
        this.state.element,
        h("span.verbs", like, session.may_change && this.verbs),
      ),
      h(
        "div.command-box",
        this.command,
        copyButton(() => this.#job.command, "Copy the command"),
      ),
      this.error,
      this.reason,
      this.bar.element,
      h(
        "div.columns",
        h(
          "div.main",
          h("section.card", h("h2", "Timeline"), this.timeline.element),
          this.family.element,
          this.output.element,
          this.runs.element,
          this.events.element,
        ),
        h("div.side", h("section.card", h("h2", "About"), this.facts.element)),
      ),
    );
  }

  update(change) {
    if (change.removed.includes(this.#job.id)) return this.#leave();
    const job = change.jobs.find(({ id }) => id === this.#job.id);
    if (job) {
      this.#tellJob(Object.assign(this.#job, job));
      this.again();
    } else if (change.more) {
      this.again();
    } else if (this.#waits) {
      this.askWhy();
    }
    this.family.update(this.#job, change.jobs);
  }

  refresh() {
    this.again();
  }

  get #waits() {
    return !isFinished(this.#job.state) && this.#job.state !== "processing";
  }

  async #read() {
    try {
      this.#tell(...(await read(this.#job.id, this.signal, this.#events)));
    } catch (error) {
      if (error.status === 404) this.#leave();
      else throw error;
    }
  }

  #tell(job, events) {
    this.#job = job;
    this.#events = events;
    this.#tellJob(job);
    this.#tellWhy(job);
    this.family.tell(job);
    this.runs.tell(job.runs, job.more_runs ?? 0);
    this.output.tell(job.runs);
    this.events.tell(events);
    this.timeline.tell(events);
  }

  #tellJob(job) {
    this.state.set(job);
    say(this.command, visible(job.command));
    this.bar.set(job.state === "processing" ? job.progress : null);
    const tells = Boolean(job.error) && job.error !== job.state && !["completed", "processing"].includes(job.state);
    reveal(say(this.error, oneLine(job.error ?? "")), tells);
    this.error.classList.toggle("bad", job.state !== "cancelled");
    this.facts.tell(job);
    this.#tellVerbs(verbsOf(job));
  }

  #tellWhy({ why }) {
    reveal(this.reason, this.#waits && Boolean(why));
    const said = sentence(why ?? "").map(({ code, text }) => (code ? h("code", text) : text));
    const text = said.map((part) => part.textContent ?? part).join("");
    if (this.reason.dataset.text === text) return;
    put(this.reason, h("strong", "Why it is not running: "), said);
    this.reason.dataset.text = text;
  }

  /** What a job can be told changes with its state: a second click on one verb must not be a first on another. */
  #tellVerbs(verbs) {
    if (this.#verbs && this.#verbs.join() !== verbs.join()) this.#changed = performance.now();
    this.#verbs = verbs;
    this.drawVerbs(verbs);
  }

  async #do(verb) {
    if (performance.now() - this.#changed < SETTLES) return;
    if ((await doToOne(verb, this.#job.id)) && verb === "remove") this.#go("/jobs");
    else this.again();
  }

  #showOutput(run) {
    this.output.show(run, true);
    this.output.element.scrollIntoView({ block: "start" });
  }

  #leave() {
    if (this.#gone) return;
    this.#gone = true;
    put(
      this.element,
      h(
        "div.empty",
        h("h1", `Job ${this.#job.id}`),
        h("p", "This job was removed."),
        h("a.button", { href: "/jobs" }, "Jobs"),
      ),
    );
  }
}
