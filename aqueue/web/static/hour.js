/**
 * The last hour: throughput, failures, waits and durations as charts, and the same figures as a table.
 * @module
 */

import { chart } from "./charts.js";
import { h, put } from "./dom.js";
import { count, duration, minute, percent } from "./format.js";
import { now } from "./now.js";

/** The charts of the last hour. */
export function lastHour() {
  const charts = [
    throughput(),
    failures(),
    mean("Wait", "wait", "pending"),
    mean("Duration", "duration", "processing"),
  ];
  const table = figures();
  let minutes = [];

  return {
    element: h(
      "section.hour",
      { "aria-labelledby": "hour" },
      h("h2.unseen", { id: "hour" }, "The last hour"),
      h(
        "div.charts",
        charts.map((one) => one.element),
      ),
      table.element,
    ),
    /** Show these minutes, oldest first. */
    tell(known) {
      minutes = known;
      for (const one of charts) one.update(minutes);
      table.tell(minutes);
    },
    /** A minute is over, and nothing was heard of the next. */
    turn() {
      if (minutes.length) this.tell(turned(minutes, now()));
    },
  };
}

/** The minutes as they are at a moment: what is older than the hour is gone, what has begun is empty. */
export function turned(minutes, time) {
  const current = Math.floor(time / 60_000) * 60_000;
  const late = Math.min(minutes.length, Math.max(0, Math.round((current - Date.parse(minutes.at(-1).at)) / 60_000)));
  const begun = Array.from({ length: late }, (_, index) => ({
    at: new Date(current - (late - 1 - index) * 60_000).toISOString(),
    ...{ completed: 0, failed: 0, dead: 0, wait: null, duration: null },
  }));
  return [...minutes.slice(late), ...begun];
}

function throughput() {
  const layers = ["completed", "failed", "dead"].map((state) => ({ name: state, state, of: (one) => one[state] }));
  const headline = (minutes) => `${count(minutes.reduce((sum, one) => sum + runs(one), 0))} runs`;
  return chart({ title: "Throughput", layers, headline, format: (value) => count(value), least: 4 });
}

function failures() {
  const rate = (one) => (runs(one) ? (one.failed + one.dead) / runs(one) : null);
  const headline = (minutes) => {
    const all = minutes.reduce((sum, one) => sum + runs(one), 0);
    return all ? percent(minutes.reduce((sum, one) => sum + one.failed + one.dead, 0) / all) : "–";
  };
  return chart({
    title: "Failure rate",
    layers: [{ name: "failed", state: "dead", of: rate }],
    headline,
    format: percent,
    least: 0.05,
  });
}

function mean(title, key, state) {
  const headline = (minutes) => {
    const known = minutes.filter((one) => one[key] !== null);
    const weight = known.reduce((sum, one) => sum + Math.max(1, runs(one)), 0);
    return weight
      ? `${duration(known.reduce((sum, one) => sum + one[key] * Math.max(1, runs(one)), 0) / weight)} on average`
      : "–";
  };
  return chart({ title, layers: [{ name: key, state, of: (one) => one[key] }], headline, format: duration });
}

function runs(one) {
  return one.completed + one.failed + one.dead;
}

function figures() {
  const body = h("tbody");
  const heads = ["Minute", "Completed", "Failed", "Dead", "Wait", "Duration"].map((text) =>
    h("th", { scope: "col" }, text),
  );
  const details = h(
    "details.figures",
    h("summary", "The same as figures"),
    h(
      "div.table",
      h("table", h("caption.unseen", "The last hour, minute by minute"), h("thead", h("tr", heads)), body),
    ),
  );
  let shown = [];
  const draw = () => details.open && put(body, [...shown].reverse().filter(runs).map(row));
  details.addEventListener("toggle", draw);
  return {
    element: details,
    tell(minutes) {
      shown = minutes;
      draw();
    },
  };
}

function row(one) {
  const times = [one.wait, one.duration].map((value) => (value === null ? "–" : duration(value)));
  return h(
    "tr",
    [minute(one.at), count(one.completed), count(one.failed), count(one.dead), ...times].map((text) => h("td", text)),
  );
}
