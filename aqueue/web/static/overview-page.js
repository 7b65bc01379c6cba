/**
 * Overview: how much there is in each state, how the last hour went, who works, and what comes next.
 * @module
 */

import { ago } from "./clock.js";
import { h, mark, put, reveal, say } from "./dom.js";
import { compact, count } from "./format.js";
import { lastHour } from "./hour.js";
import { get } from "./http.js";
import { icon } from "./icons.js";
import { jobLink } from "./job-row.js";
import { pace } from "./pace.js";
import { queueTable } from "./queue-table.js";
import { MEANING, STATES, stateLabel } from "./states.js";
import { oneLine } from "./text.js";
import { workerCards } from "./workers.js";

const READ_AGAIN = 2000;
const TURN = 5000; // milliseconds between two looks whether a minute is over

/** @returns {Promise<import("./router.js").Page>} */
export async function openOverview({ signal }) {
  const page = new OverviewPage(signal);
  await page.read();
  return page;
}

class OverviewPage {
  title = "Overview";

  constructor(signal) {
    this.signal = signal;
    this.place = h("span.hint.place");
    this.counts = countTiles();
    this.today = todayTiles();
    this.hour = lastHour();
    this.workers = workerCards();
    this.again = pace(() => this.read(), READ_AGAIN, signal);
    this.queues = queueTable(() => this.again());
    this.more = h("p.hint", { hidden: true });
    this.next = h("div.next");
    this.element = h(
      "section.page",
      h("div.title", h("h1", "Overview"), this.place, this.today.element),
      this.counts.element,
      this.hour.element,
      h(
        "div.columns",
        h("div.main", this.workers.element, this.#queueCard()),
        h("div.side", h("section.card", { "aria-labelledby": "next" }, h("h2", { id: "next" }, "Next"), this.next)),
      ),
    );
    const timer = setInterval(() => document.hidden || this.hour.turn(), TURN);
    signal.addEventListener("abort", () => clearInterval(timer));
  }

  #queueCard() {
    return h(
      "section.card.flush",
      { "aria-labelledby": "queues" },
      h("div.head", h("h2", { id: "queues" }, "Queues")),
      this.queues.element,
      this.more,
    );
  }

  async read() {
    const seen = await get("/api/overview", this.signal);
    this.counts.tell(seen.counts);
    this.today.tell(seen);
    this.hour.tell(seen.minutes);
    this.workers.tell(seen.workers);
    this.queues.tell(seen.queues);
    const left = seen.more_queues ?? 0;
    reveal(say(this.more, `and ${count(left)} more`), left > 0);
    put(this.next, nextOf(seen));
    mark(say(this.place, seen.url), "title", `This queue is kept in ${seen.url}`);
  }

  update(change) {
    const { status } = change;
    this.counts.tell(status.counts);
    this.queues.update(status);
    this.workers.update(change);
    this.again();
  }

  refresh() {
    this.again();
  }
}

function countTiles() {
  const tiles = STATES.map((state) => {
    const number = h("strong");
    const link = h(
      "a.tile",
      { href: `/jobs?state=${state}`, "data-state": state, title: MEANING[state] },
      h("span.name", icon(state), state),
      number,
    );
    return { state, number, link };
  });
  return {
    element: h(
      "ul.tiles",
      { "aria-label": "Jobs by state" },
      tiles.map(({ link }) => h("li", link)),
    ),
    tell(counts) {
      for (const { state, number, link } of tiles) {
        const value = counts[state] ?? 0;
        mark(say(number, value < 100_000 ? count(value) : compact(value)), "title", count(value));
        link.classList.toggle("none", value === 0);
      }
    },
  };
}

function todayTiles() {
  const [completed, dead, attempts] = ["completed today", "dead today", "attempts a job"].map((name) => ({
    name: h("dt", name),
    value: h("strong", "–"),
  }));
  const element = h(
    "dl.today",
    [completed, dead, attempts].map(({ name, value }) => h("div", name, h("dd", value))),
  );
  element.title = "Days are those of UTC.";
  return {
    element,
    tell({ today, average_attempts: average }) {
      say(completed.value, count(today.completed));
      say(dead.value, count(today.dead));
      const rounded = average === null ? "–" : Number(average.toFixed(2));
      say(attempts.value, rounded);
      say(attempts.name, rounded === 1 ? "attempt a job" : "attempts a job");
    },
  };
}

function nextOf({ next, schedules }) {
  const jobs = next.map((job) =>
    h(
      "li",
      h("span.when", ago(job.run_at)),
      h(
        "span.what",
        jobLink(job.id),
        " ",
        h("span.command", { title: oneLine(job.command).slice(0, 2000) }, oneLine(job.command)),
      ),
      stateLabel(job).element,
    ),
  );
  const ticks = schedules
    .filter((schedule) => schedule.next.length && !schedule.paused)
    .map((schedule) =>
      h(
        "li",
        h("span.when", ago(schedule.next[0])),
        h(
          "span.what",
          h("a.strong", { href: "/schedules" }, schedule.name),
          " ",
          h("span.command", oneLine(schedule.job.command ?? "")),
        ),
        h("span"),
      ),
    );
  if (!jobs.length && !ticks.length) return h("p.hint", "Nothing waits for its time.");
  return [
    jobs.length > 0 && [h("h3", "Jobs"), h("ul.coming", jobs)],
    ticks.length > 0 && [h("h3", "Schedules"), h("ul.coming", ticks)],
  ];
}
