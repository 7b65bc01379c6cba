/**
 * A job in a list: a row that stays the same while what it says changes.
 * @module
 */

import { ago, setTime } from "./clock.js";
import { h, mark, put, reveal, say } from "./dom.js";
import { progress } from "./progress.js";
import { stateLabel } from "./states.js";
import { oneLine } from "./text.js";

/** The address of a job's page. */
export function jobAddress(id) {
  return `/jobs/${encodeURIComponent(id)}`;
}

/** A link to a job. */
export function jobLink(id) {
  return h("a.id", { href: jobAddress(id) }, id);
}

/** The heads of the columns. */
export function jobHeads() {
  return [
    h("th.c-id", { scope: "col" }, "Job"),
    h("th.c-state", { scope: "col" }, "State"),
    h("th", { scope: "col" }, "Command"),
    h("th.c-queue.wide", { scope: "col" }, "Queue"),
    h("th.c-number.wide", { scope: "col" }, "Attempt"),
    h("th.c-time", { scope: "col" }, "Changed"),
  ];
}

/**
 * The row of a job.
 * @param {Object} first
 * @param {(tick: HTMLInputElement, job: Object) => void} [onTick] with it the row can be chosen
 */
export function jobRow(first, onTick) {
  let job = first;
  const tick = onTick && h("input", { type: "checkbox", "aria-label": `Select job ${job.id}` });
  tick?.addEventListener("click", (event) => onTick(tick, job, event.shiftKey));
  const label = stateLabel(job);
  const command = h("div.command");
  const error = h("div.error");
  const bar = progress();
  const queue = h("td.c-queue.wide");
  const attempt = h("td.c-number.wide");
  const time = ago(job.updated_at);
  const cells = [
    h("td.c-id", jobLink(job.id)),
    h("td.c-state", label.element),
    h("td.c-command", command, bar.element, error),
    queue,
    attempt,
    h("td.c-time", time),
  ];
  const element = h("tr", tick && h("td.c-tick", tick), cells);
  const update = (now) => {
    job = now;
    label.set(job);
    mark(
      say(command, oneLine(job.command)),
      "title",
      job.command.length > 60 ? oneLine(job.command).slice(0, 2000) : null,
    );
    bar.set(job.state === "processing" ? job.progress : null);
    reveal(say(error, oneLine(job.error ?? "")), Boolean(job.error) && !["completed", job.error].includes(job.state));
    if (queue.dataset.name !== job.queue)
      put(queue, h("a.plain", { href: `/jobs?queue=${encodeURIComponent(job.queue)}` }, job.queue)).dataset.name =
        job.queue;
    say(attempt, `${job.attempts} of ${job.max_retries + 1}`);
    setTime(time, job.updated_at);
  };
  return { element, update, tick };
}
