/**
 * What is known of a job beside its runs: a list of names and values, without what was left as usual.
 * @module
 */

import { ago, at } from "./clock.js";
import { h, put } from "./dom.js";
import { duration, size } from "./format.js";
import { jobLink } from "./job-row.js";
import { oneLine } from "./text.js";

/** The facts of a job. */
export function facts() {
  const element = h("dl.facts");
  let shown = "";
  const tell = (job) => {
    const text = JSON.stringify({ ...job, progress: null });
    if (text === shown) return;
    shown = text;
    put(
      element,
      factsOf(job).map(([name, value]) => h("div", h("dt", name), h("dd", value))),
    );
  };
  return { element, tell };
}

function factsOf(job) {
  const all = [
    ["Queue", h("a", { href: `/jobs?queue=${encodeURIComponent(job.queue)}` }, job.queue)],
    ["Priority", job.priority || null],
    ["Attempts", `${job.attempts} of ${job.max_retries + 1}`],
    ["Worker", job.state === "processing" && job.worker ? `${job.worker}, slot ${job.slot}` : null],
    ["Enqueued", moments(job.created_at)],
    ["Due", job.run_at && job.state !== "processing" ? moments(job.run_at) : null],
    ["Finished", job.finished_at ? moments(job.finished_at) : null],
    ["Timeout", job.timeout ? duration(job.timeout) : null],
    ["Tags", listed(job.tags, (tag) => h("a.tag", { href: `/jobs?tag=${encodeURIComponent(tag)}` }, oneLine(tag)))],
    ["Comes after", listed(job.after, jobLink)],
    ["After the end of", listed(job.after_any, jobLink)],
    ["Unique key", job.unique && h("code", oneLine(job.unique))],
    ["Schedule", job.cron && h("a", { href: "/schedules" }, oneLine(job.cron))],
    ["Folder", job.cwd && h("code", oneLine(job.cwd))],
    ["Environment", listed(job.env, (name) => h("code", { title: "The value is not shown" }, oneLine(name)))],
    ["Backoff", backoff(job)],
    ["No retry on", job.no_retry_on.length ? `exit code ${job.no_retry_on.join(", ")}` : null],
    ["Deferred on", job.defer_on.length ? `exit code ${job.defer_on.join(", ")}` : null],
    ["Nice", job.nice],
    ["Memory limit", job.memory ? size(job.memory) : null],
  ];
  return all.filter(([, value]) => value !== null && value !== undefined && value !== "");
}

function moments(iso) {
  return [at(iso), h("span.hint", " · ", ago(iso))];
}

function listed(items, show) {
  return items.length ? h("span.listed", items.map(show)) : null;
}

function backoff({ backoff_base: base, backoff_max: max }) {
  if (base === null && max === null) return null;
  return [base !== null && `base ${base}`, max !== null && `at most ${duration(max)}`].filter(Boolean).join(", ");
}
