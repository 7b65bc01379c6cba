/**
 * What a run printed, while it prints it: read to its end, then followed over the live channel.
 * @module
 */

import { h, mark, put, reveal, say } from "./dom.js";
import { get, jobPath, queryOf } from "./http.js";
import { icon } from "./icons.js";
import { attempt } from "./notice.js";
import { Terminal } from "./terminal.js";
import { button } from "./verbs.js";

const STREAMS = [
  ["", "Both"],
  ["stdout", "stdout"],
  ["stderr", "stderr"],
];

/** The output of a job: of one of its runs at a time. */
export class Output {
  #id;
  #live;
  #run = 0;
  #terminal = null;
  #leave = new AbortController();

  constructor(id, live, signal) {
    this.#id = id;
    this.#live = live;
    signal.addEventListener("abort", () => this.#end());
    this.runs = h("select", { "aria-label": "Run" });
    this.runs.addEventListener("change", () => this.show(Number(this.runs.value), true));
    this.screen = h("div.screen", { "data-stream": "" });
    this.hits = h("span.hits", { role: "status" });
    this.search = h("input", { type: "search", placeholder: "Search", "aria-label": "Search in the output" });
    this.search.addEventListener("input", () => this.#terminal?.search(this.search.value));
    this.search.addEventListener(
      "keydown",
      (event) => event.key === "Enter" && this.#terminal?.step(event.shiftKey ? -1 : 1),
    );
    this.follow = toggle("Follow", (yes) => this.#terminal && (this.#terminal.follows = yes));
    this.wrap = toggle("Wrap", (yes) => this.screen.classList.toggle("wrap", yes));
    this.times = toggle("Times", (yes) => this.screen.classList.toggle("times", yes));
    this.wrap.set(true);
    this.screen.classList.add("wrap");
    this.download = h(
      "a.button",
      { download: true, "aria-label": "Download", title: "Download all that is kept" },
      icon("download"),
    );
    this.ended = h("span.hint", { role: "status" });
    this.element = h("section.card.output", { "aria-labelledby": "output" }, this.#head(), this.screen);
  }

  #head() {
    const streams = h(
      "select",
      { "aria-label": "Stream" },
      STREAMS.map(([value, label]) => h("option", { value }, label)),
    );
    streams.addEventListener("change", () => (this.screen.dataset.stream = streams.value));
    const back = button("", "up", () => this.#terminal?.step(-1), { label: "The hit before", kind: "quiet" });
    const next = button("", "down", () => this.#terminal?.step(1), { label: "The next hit", kind: "quiet" });
    this.steps = h("span.steps", { hidden: true }, this.hits, back, next);
    return h(
      "div.head",
      h("h2", { id: "output" }, "Output"),
      this.runs,
      streams,
      this.ended,
      h(
        "span.tools",
        h("span.search", icon("search"), this.search),
        this.steps,
        this.follow.element,
        this.wrap.element,
        this.times.element,
        this.download,
      ),
    );
  }

  /** Say which runs there are; the newest is shown unless another one was chosen. */
  tell(runs) {
    const numbers = runs.map(({ run }) => run);
    const chosen = this.#chosen && numbers.includes(this.#run);
    if (numbers.length !== this.runs.options.length) {
      put(
        this.runs,
        runs.map(({ run }) => h("option", { value: run }, `Run ${run}`)),
      );
      this.runs.value = String(this.#run);
    }
    reveal(this.element, numbers.length > 0);
    const newest = numbers.at(-1);
    if (newest && !chosen && newest !== this.#run) this.show(newest, false);
  }

  #chosen = false;

  /** Show a run. */
  async show(run, chosen) {
    this.#end();
    this.#leave = new AbortController();
    this.#run = run;
    this.#chosen = chosen && Number(this.runs.options[this.runs.options.length - 1]?.value) !== run;
    this.runs.value = String(run);
    this.#terminal = new Terminal({
      onFollow: (yes) => this.follow.set(yes),
      onHits: (hit, all) => this.#tellHits(hit, all),
    });
    this.follow.set(true);
    put(this.screen, this.#terminal.element);
    mark(this.download, "href", jobPath(this.#id, `/output${queryOf({ run, download: "true" })}`));
    mark(this.download, "download", `job-${this.#id}-run-${run}.txt`);
    if (this.search.value) this.#terminal.search(this.search.value);
    await attempt(() => this.#read(this.#leave.signal, this.#terminal));
  }

  async #read(signal, terminal) {
    let start = 0;
    for (;;) {
      const answer = await get(jobPath(this.#id, `/output${queryOf({ run: this.#run, start })}`), signal);
      terminal.push(answer.pieces);
      start = answer.next;
      if (answer.more) continue;
      this.#tellEnd(answer.ended, start);
      if (!answer.ended) this.#live.follow({ job: this.#id, run: this.#run, start }, (output) => this.#hear(output));
      return;
    }
  }

  #hear({ pieces, ended, next }) {
    this.#terminal.push(pieces);
    this.#tellEnd(ended, next);
    if (ended) this.#live.follow(null);
  }

  #tellEnd(ended, bytes) {
    say(this.ended, ended ? "" : "still running");
    this.#terminal.tellEmpty(bytes ? "" : ended ? "It printed nothing." : "It has printed nothing yet.");
  }

  #tellHits(hit, all) {
    reveal(this.steps, Boolean(this.search.value));
    say(this.hits, !this.search.value ? "" : all ? `${hit || "–"} of ${all}` : "none");
  }

  #end() {
    this.#leave.abort();
    this.#live.follow(null);
  }
}

/** A button that is pressed or not. */
function toggle(label, onChange) {
  const element = h("button.toggle", { type: "button", "aria-pressed": "false" }, label);
  const set = (yes) => mark(element, "aria-pressed", String(yes));
  element.addEventListener("click", () => {
    const yes = element.getAttribute("aria-pressed") !== "true";
    set(yes);
    onChange(yes);
  });
  return { element, set };
}
