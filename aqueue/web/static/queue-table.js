/**
 * The queues: what waits and runs in each, its limit and rate, and a button that pauses it.
 * @module
 */

import { ago, setTime } from "./clock.js";
import { askFor } from "./dialog.js";
import { h, keyed, mark, reveal, say } from "./dom.js";
import { compact, count } from "./format.js";
import { send } from "./http.js";
import { attempt, notice } from "./notice.js";
import { session } from "./session.js";
import { button } from "./verbs.js";
import { icon } from "./icons.js";

const WAITING = ["pending", "failed", "scheduled", "blocked"];
const HEADS = [
  ["Queue"],
  ["Waiting", "c-depth"],
  ["Running", "c-number"],
  ["Oldest due", "c-time wide"],
  ["Limit", "c-number wide"],
  ["Rate", "c-number wide"],
  ["Dead", "c-number wide"],
];

/**
 * The table of queues.
 * @param {() => void} onDone something was said of a queue
 */
export function queueTable(onDone) {
  const body = h("tbody");
  const draw = keyed(
    body,
    (queue) => queue.name,
    (queue) => row(queue, onDone),
  );
  const none = h("div.empty", h("p", "There is no queue yet: the first job makes one."));
  const heads = HEADS.map(([text, kind]) => h("th", { scope: "col", class: kind ?? null }, text));
  const table = h(
    "div.table",
    h(
      "table.queues",
      h("caption.unseen", "Queues"),
      h("thead", h("tr", heads, session.may_change && h("th.c-verbs", { scope: "col" }, h("span.unseen", "Verbs")))),
      body,
    ),
  );
  let queues = [];

  function show() {
    const most = Math.max(1, ...queues.map(waitingOf));
    draw(queues.map((queue) => ({ ...queue, most })));
    reveal(none, queues.length === 0);
    reveal(table, queues.length > 0);
  }

  return {
    element: h("div", table, none),
    tell(now) {
      queues = now;
      show();
    },
    /**
     * Take what the status says.
     * @returns {boolean} whether all queues of it were known
     */
    update(status) {
      const now = new Map(status.queues.map((queue) => [queue.name, queue]));
      queues = queues.map((queue) => ({
        ...queue,
        ...now.get(queue.name),
        running: (now.get(queue.name) ?? queue).counts.processing,
      }));
      show();
      return status.queues.every(({ name }) => queues.some((queue) => queue.name === name));
    },
  };
}

function waitingOf({ counts }) {
  return WAITING.reduce((sum, state) => sum + counts[state], 0);
}

function row(first, onDone) {
  let queue = first;
  const address = (state) => `/jobs?${new URLSearchParams({ queue: first.name, ...(state && { state }) })}`;
  const paused = h("span.badge.warn", icon("pause"), "paused");
  const bars = WAITING.map((state) => h("i", { "data-state": state }));
  const depth = h("span.number");
  const running = h("td.c-number");
  const oldest = ago(null);
  const [limit, rate] = [h("td.c-number.wide"), h("td.c-number.wide")];
  const dead = h("a", { href: address("dead") });
  const verbs = session.may_change && queueVerbs(() => queue, onDone);
  const element = h(
    "tr",
    h("td", h("a.strong", { href: address() }, first.name), " ", paused),
    h("td.c-depth", depth, h("span.depth", { "aria-hidden": "true" }, bars)),
    running,
    h("td.c-time.wide", oldest),
    limit,
    rate,
    h("td.c-number.wide", dead),
    verbs && h("td.c-verbs", verbs.element),
  );
  const update = (now) => {
    queue = now;
    reveal(paused, now.paused);
    element.classList.toggle("off", now.paused);
    mark(
      say(depth, compact(waitingOf(now))),
      "title",
      WAITING.map((state) => `${count(now.counts[state])} ${state}`).join(", "),
    );
    bars.forEach((bar, index) => bar.style.setProperty("width", `${(100 * now.counts[WAITING[index]]) / now.most}%`));
    say(running, count(now.running));
    setTime(oldest, now.oldest);
    say(limit, now.limit ?? "–");
    say(rate, now.rate ?? "–");
    reveal(say(dead, count(now.counts.dead)), now.counts.dead > 0);
    verbs?.tell(now);
  };
  return { element, update };
}

function queueVerbs(queueOf, onDone) {
  const { name } = queueOf();
  const path = `/api/queues/${encodeURIComponent(name)}`;
  const act = async (verb, said) => {
    if (await attempt(async () => (await send("POST", `${path}/${verb}`), true))) {
      notice(`Queue ${name} ${said}.`);
      onDone();
    }
  };
  const pause = button("Pause", "pause", () => act("pause", "is paused"), {
    label: `Pause queue ${name}`,
    kind: "small",
  });
  const resume = button("Resume", "resume", () => act("resume", "goes on"), {
    label: `Resume queue ${name}`,
    kind: "small",
  });
  const limits = button("Limits", null, async () => (await changeLimits(queueOf(), path)) && onDone(), {
    label: `Limits of queue ${name}`,
    kind: "small.quiet.wide",
  });
  const tell = ({ paused }) => {
    reveal(pause, !paused);
    reveal(resume, paused);
  };
  return { element: h("span.verbs", pause, resume, limits), tell };
}

async function changeLimits({ name, limit, rate }, path) {
  const fields = h(
    "div.fields",
    h(
      "label",
      "Runs at most this many at once",
      h("input", { name: "limit", type: "number", min: 1, value: limit ?? "", placeholder: "no limit" }),
    ),
    h(
      "label",
      "Starts at most",
      h("input", {
        name: "rate",
        value: rate ?? "",
        placeholder: "no limit; like 30/m",
        pattern: "[0-9]+/(s|m|h)",
        title: "A number a second, minute or hour: 5/s, 30/m, 100/h",
      }),
    ),
  );
  const wanted = await askFor({ title: `Limits of queue ${name}`, fields, yes: "Set" });
  if (!wanted) return false;
  const body = { limit: wanted.limit ? Number(wanted.limit) : null, rate: wanted.rate || null };
  const done = await attempt(async () => (await send("PUT", path, body), true));
  if (done) notice(`The limits of queue ${name} are set.`);
  return Boolean(done);
}
