/**
 * The fields of the form for a new job, and how they become the keys of a job's JSON and back. What is left empty is
 * left to the settings; what is wrong is said by the server, which has the rules.
 * @module
 */

const words = (text) => text.split(/[\s,]+/).filter(Boolean);
const codes = (text) => words(text).map(Number);
const bytes = (text) => (/^\d+$/.test(text) ? Number(text) : text);

/** The fields in their groups, by the keys of a job's JSON; `read` makes a value of a text. */
export const FIELDS = [
  {
    title: "Where and when",
    fields: [
      { name: "queue", label: "Queue", placeholder: "default" },
      { name: "priority", label: "Priority", type: "number", placeholder: "0", hint: "higher first", read: Number },
      { name: "delay", label: "Delay", placeholder: "none", hint: "like 90, 5m, 1h30m" },
      {
        name: "run_at",
        label: "Not before",
        type: "datetime-local",
        step: 1,
        read: (text) => new Date(text).toISOString(),
      },
      {
        name: "hold",
        label: "Hold",
        options: [
          ["", "no"],
          ["yes", "until it is released"],
        ],
        read: () => true,
      },
    ],
  },
  {
    title: "Attempts",
    fields: [
      { name: "max_retries", label: "Retries", type: "number", min: 0, placeholder: "as configured", read: Number },
      { name: "timeout", label: "Timeout", placeholder: "as configured", hint: "of one run" },
      {
        name: "backoff_base",
        label: "Backoff base",
        inputmode: "decimal",
        placeholder: "as configured",
        hint: "waits base, base², base³ … s",
        read: Number,
      },
      { name: "backoff_max", label: "Backoff at most", placeholder: "as configured" },
      { name: "no_retry_on", label: "No retry on", placeholder: "exit codes", read: codes },
      { name: "defer_on", label: "Defer on", placeholder: "exit codes", read: codes },
    ],
  },
  {
    title: "Among others",
    fields: [
      { name: "after", label: "After", placeholder: "ids of jobs", hint: "when they have completed", read: words },
      { name: "after_any", label: "After the end of", placeholder: "ids of jobs", read: words },
      { name: "unique", label: "Unique key", hint: "only if none with it is unfinished" },
      { name: "tags", label: "Tags", placeholder: "tag, tag", read: words },
      { name: "id", label: "Id", placeholder: "given by aqueue" },
    ],
  },
  {
    title: "Around it",
    fields: [
      { name: "cwd", label: "Folder", placeholder: "the worker's" },
      { name: "nice", label: "Nice", type: "number", placeholder: "as the worker", read: Number },
      { name: "memory", label: "Memory at most", placeholder: "no limit", hint: "like 512MiB", read: bytes },
      { name: "env", label: "Environment", type: "area", placeholder: "NAME=value, one a line", read: environment },
    ],
  },
];

/** The keys of a job that a filled form asks for, without its command. */
export function jobOf(form) {
  const given = FIELDS.flatMap(({ fields }) => fields).filter(({ name }) => form.get(name)?.trim());
  return Object.fromEntries(
    given.map(({ name, read }) => [name, read ? read(form.get(name).trim()) : form.get(name).trim()]),
  );
}

/** The texts of the fields for a job like one that there is: not its id, its time, nor what is a secret. */
export function fieldsOf(job) {
  const texts = {
    queue: job.queue === "default" ? "" : job.queue,
    priority: job.priority || "",
    max_retries: job.max_retries,
    timeout: job.timeout ?? "",
    backoff_base: job.backoff_base ?? "",
    backoff_max: job.backoff_max ?? "",
    no_retry_on: job.no_retry_on.join(", "),
    defer_on: job.defer_on.join(", "),
    unique: job.unique ?? "",
    tags: job.tags.join(", "),
    cwd: job.cwd ?? "",
    nice: job.nice ?? "",
    memory: job.memory ?? "",
  };
  return Object.fromEntries(Object.entries(texts).map(([name, value]) => [name, String(value)]));
}

function environment(text) {
  const lines = text.split("\n").filter((line) => line.trim());
  return Object.fromEntries(
    lines.map((line) => [line.split("=", 1)[0].trim(), line.includes("=") ? line.slice(line.indexOf("=") + 1) : ""]),
  );
}
