/**
 * The workers and what each of their slots runs now.
 * @module
 */

import { since } from "./clock.js";
import { h, keyed, mark, put, reveal, say } from "./dom.js";
import { jobAddress } from "./job-row.js";
import { progress } from "./progress.js";
import { oneLine } from "./text.js";

/** The workers. */
export function workerCards() {
  const cards = h("div.workers");
  const draw = keyed(cards, (worker) => worker.id, card);
  const none = h("div.empty", h("p", "No worker runs. Start one with ", h("code", "aqueue worker"), "."));
  const busy = h("span.hint");
  let workers = [];

  function show() {
    draw(workers);
    reveal(none, workers.length === 0);
    const slots = workers.reduce((sum, worker) => sum + worker.concurrency, 0);
    const running = workers.reduce((sum, worker) => sum + worker.running, 0);
    say(busy, workers.length ? `${running} of ${slots} slots busy` : "");
  }

  return {
    element: h(
      "section.card",
      { "aria-labelledby": "workers" },
      h("div.head", h("h2", { id: "workers" }, "Workers"), busy),
      none,
      cards,
    ),
    tell(now) {
      workers = now;
      show();
    },
    /**
     * What has changed.
     * @returns {boolean} whether it is known who works now; if not, read again
     */
    update({ jobs, status }) {
      const now = new Map(status.workers.map((worker) => [worker.id, worker]));
      const known = status.workers.every(({ id }) => workers.some((worker) => worker.id === id));
      workers = workers
        .filter(({ id }) => now.has(id))
        .map((worker) => ({ ...worker, ...now.get(worker.id), slots: slotsAfter(worker, jobs) }));
      show();
      return known;
    },
  };
}

/** The slots of a worker when these jobs have changed. Of two in one slot, the later one was claimed ahead. */
export function slotsAfter(worker, jobs) {
  const slots = worker.slots.map(({ slot, job }) => ({
    slot,
    job: job && jobs.some(({ id }) => id === job.id) ? null : job,
  }));
  for (const job of jobs) {
    const place = job.state === "processing" && job.worker === worker.id && slots.find(({ slot }) => slot === job.slot);
    if (place && !(place.job?.started_at <= job.started_at)) place.job = job;
  }
  return slots;
}

function card(worker) {
  const list = h("ul.slots");
  const draw = keyed(list, ({ slot }) => slot, slotRow);
  const load = h("span.hint");
  const name = h("span.id", worker.id);
  const facts = [`${worker.host}, pid ${worker.pid}`, queuesOf(worker)].filter(Boolean).join(" · ");
  const element = h(
    "article.worker",
    { "aria-label": `Worker ${worker.id}` },
    h("div.head", name, load, h("span.hint.up", "up ", since(worker.started_at))),
    h("p.hint", facts),
    list,
  );
  const update = (now) => {
    say(load, `${now.running} of ${now.concurrency}`);
    draw(now.slots);
  };
  return { element, update };
}

function queuesOf({ queues }) {
  if (!queues) return "";
  const names = Object.entries(queues).map(([name, limit]) => (limit ? `${name} (at most ${limit})` : name));
  return `only ${names.join(", ")}`;
}

function slotRow(first) {
  const link = h("a.id");
  const command = h("span.command");
  const time = h("span.hint");
  const bar = progress();
  const element = h(
    "li.slot",
    h("span.index", { "aria-label": `Slot ${first.slot}` }, first.slot),
    link,
    command,
    time,
    bar.element,
  );
  let shown;
  const update = ({ job }) => {
    element.classList.toggle("idle", !job);
    bar.set(job?.progress ?? null);
    if (shown === (job && `${job.id} ${job.run}`)) return;
    shown = job && `${job.id} ${job.run}`;
    reveal(link, Boolean(job));
    mark(say(link, job?.id ?? ""), "href", job ? jobAddress(job.id) : null);
    mark(say(command, job ? oneLine(job.command) : "idle"), "title", job ? oneLine(job.command).slice(0, 2000) : null);
    put(time, job?.started_at ? since(job.started_at) : null);
  };
  return { element, update };
}
