/**
 * Every attempt of a job, newest first: how it ended, how long it took, what it cost.
 * @module
 */

import { at, setTook, took } from "./clock.js";
import { h, keyed, mark, reveal, say } from "./dom.js";
import { count, duration, size } from "./format.js";
import { oneLine } from "./text.js";

/**
 * The table of runs.
 * @param {(run: number) => void} onShow shows what a run printed
 */
export function runsTable(onShow) {
  const body = h("tbody");
  const draw = keyed(
    body,
    ({ run }) => run,
    (run) => row(run, onShow),
  );
  const heads = [
    ["Run"],
    ["Ending"],
    ["Took", "c-number"],
    ["CPU", "c-number wide"],
    ["Memory", "c-number wide"],
    ["Started", "c-time wide"],
    ["Worker", "wide"],
  ];
  const head = h(
    "tr",
    heads.map(([text, kind]) => h("th", { scope: "col", class: kind ?? null }, text)),
    h("th", { scope: "col" }, h("span.unseen", "Output")),
  );
  const none = h("p.hint", "It has not run yet.");
  const older = h("p.hint");
  const table = h("div.table", h("table.runs", h("caption.unseen", "Attempts"), h("thead", head), body));
  return {
    element: h("section.card", { "aria-labelledby": "runs" }, h("h2", { id: "runs" }, "Attempts"), table, older, none),
    /** Show these runs, of which there were so many more before. */
    tell(runs, more) {
      draw([...runs].reverse());
      reveal(say(older, `${count(more)} before these are not shown.`), more > 0);
      reveal(table, runs.length > 0);
      reveal(none, runs.length === 0);
    },
  };
}

function row(first, onShow) {
  const ending = h("span.ending");
  const error = h("div.error");
  const time = took(first.started_at, first.finished_at);
  const cpu = h("td.c-number.wide");
  const memory = h("td.c-number.wide");
  const attempt = h("span.hint");
  const look = h(
    "button.small",
    { type: "button", "aria-label": `Show the output of run ${first.run}`, onclick: () => onShow(first.run) },
    "Output",
  );
  const element = h(
    "tr",
    h("td", h("strong", first.run), attempt),
    h("td.c-command", ending, error),
    h("td.c-number", time),
    cpu,
    memory,
    h("td.c-time.wide", at(first.started_at)),
    h("td.c-time.wide", h("span.hint", `${first.worker ?? "–"}${first.slot === null ? "" : ` / ${first.slot}`}`)),
    h("td.c-action", look),
  );
  const update = (run) => {
    say(attempt, run.attempt && run.attempt !== run.run ? ` attempt ${run.attempt}` : "");
    mark(say(ending, endingOf(run)), "data-state", colourOf(run));
    reveal(say(error, oneLine(detailOf(run))), Boolean(detailOf(run)));
    setTook(time, run.started_at, run.finished_at);
    say(cpu, run.cpu_seconds === null ? "–" : duration(run.cpu_seconds));
    say(memory, run.peak_bytes === null ? "–" : size(run.peak_bytes));
  };
  return { element, update };
}

/** The state whose colour an ending has. */
function colourOf(run) {
  if (!run.finished_at) return "processing";
  if (["cancelled", "interrupted"].includes(run.ending)) return "cancelled";
  return run.exit_code === 0 ? "completed" : "dead";
}

function endingOf(run) {
  if (!run.finished_at) return "goes on";
  if (run.exit_code !== null) return `exit code ${run.exit_code}`;
  if (run.signal !== null) return oneLine(run.error ?? "").split(": ")[0] || `killed by signal ${run.signal}`;
  return run.ending ?? "ended";
}

/** What its error says beyond its ending. */
function detailOf(run) {
  const text = run.error ?? "";
  const ending = endingOf(run);
  return text.startsWith(ending) ? text.slice(ending.length).replace(/^: /, "") : text;
}
