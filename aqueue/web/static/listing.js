/**
 * A list of jobs and what has changed: which rows there are now, without asking the server again.
 * @module
 */

/**
 * @typedef {Object} View what of all jobs is looked at
 * @property {string} state  empty is every state; likewise the others
 * @property {string} queue
 * @property {string} tag
 * @property {string} search
 * @property {"newest"|"oldest"|"updated"} sort
 * @property {string} cursor empty is the first page
 * @property {number} limit
 */

/** Whether a job belongs to a view. The search is told what the server would: in the command, the id, the error. */
export function matches(job, view) {
  return (
    (!view.state || job.state === view.state) &&
    (!view.queue || job.queue === view.queue) &&
    (!view.tag || job.tags.includes(view.tag)) &&
    (!view.search || [job.command, job.id, job.error ?? ""].some((text) => holds(text, view.search)))
  );
}

function holds(text, part) {
  return text.toLowerCase().includes(part.toLowerCase());
}

/**
 * The rows after a change. What no longer belongs there is gone; what is new comes on top, if the view begins with the
 * newest and shows the first page.
 * @param {Object[]} rows the jobs that are shown, in order
 * @param {{jobs: Object[], removed: string[]}} change
 * @param {View} view
 * @returns {{rows: Object[], stale: boolean}} `stale` if only the server can tell what belongs there now
 */
export function merge(rows, change, view) {
  const changed = new Map(change.jobs.map((job) => [job.id, job]));
  const removed = new Set(change.removed);
  const known = new Set(rows.map((job) => job.id));
  const kept = rows
    .map((job) => changed.get(job.id) ?? job)
    .filter((job) => !removed.has(job.id) && matches(job, view));
  const fresh = change.jobs.filter((job) => !known.has(job.id) && matches(job, view));
  const left = rows.length - kept.length;
  if (view.sort === "newest" && !view.cursor) {
    // A job that came back into a state may belong further down, where only the server knows.
    const oldest = kept.at(-1)?.created_at ?? "";
    const [above, below] = split(fresh, (job) => job.created_at >= oldest);
    const all = [...above, ...kept].sort(newestFirst);
    return { rows: all.slice(0, view.limit), stale: left > 0 || below.length > 0 };
  }
  const moves = view.sort === "updated" && kept.some((job) => changed.has(job.id));
  return { rows: kept, stale: left > 0 || fresh.length > 0 || moves };
}

function split(items, isFirst) {
  return [items.filter(isFirst), items.filter((item) => !isFirst(item))];
}

function newestFirst(one, other) {
  // The sort is stable: what was made in the same millisecond keeps its order, but whole numbers can tell.
  if (one.created_at !== other.created_at) return one.created_at < other.created_at ? 1 : -1;
  return /^\d+$/.test(one.id) && /^\d+$/.test(other.id) ? Number(other.id) - Number(one.id) : 0;
}
