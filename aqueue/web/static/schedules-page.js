/**
 * Schedules: what they make, when next, and how the last time went.
 * @module
 */

import { ago, at } from "./clock.js";
import { ask } from "./dialog.js";
import { h, keyed, put } from "./dom.js";
import { get, send } from "./http.js";
import { icon } from "./icons.js";
import { jobLink } from "./job-row.js";
import { attempt, notice } from "./notice.js";
import { pace } from "./pace.js";
import { session } from "./session.js";
import { stateLabel } from "./states.js";
import { oneLine } from "./text.js";
import { button } from "./verbs.js";

/** @returns {Promise<import("./router.js").Page>} */
export async function openSchedules({ signal }) {
  const again = pace(() => read(), 1000, signal);
  const list = h("ul.schedules");
  const draw = keyed(
    list,
    (schedule) => schedule.name,
    (schedule) => card(schedule, again),
  );
  const none = h(
    "div.empty",
    { hidden: true },
    h("p", "There is no schedule. Add one with ", h("code", 'aqueue cron add nightly "30 2 * * *" ./backup.sh'), "."),
  );

  async function read() {
    const schedules = await get("/api/cron", signal);
    draw(schedules);
    none.hidden = schedules.length > 0;
  }

  await read();
  return {
    title: "Schedules",
    element: h("section.page", h("div.title", h("h1", "Schedules")), list, none),
    update: again,
    refresh: again,
  };
}

function card(first, again) {
  const { name } = first;
  const body = h("div.about");
  const verbs = session.may_change && scheduleVerbs(name, again);
  const paused = h("span.badge.warn", { hidden: true }, icon("pause"), "paused");
  const when = h("code.when");
  const element = h("li.card.schedule", h("div.head", h("h2", name), when, paused, verbs?.element), body);
  let shown = "";
  const update = (schedule) => {
    paused.hidden = !schedule.paused;
    verbs?.tell(schedule);
    const text = JSON.stringify(schedule);
    if (text === shown) return;
    shown = text;
    when.textContent = `${schedule.schedule} ${schedule.timezone ?? "UTC"}`;
    put(body, about(schedule));
  };
  return { element, update };
}

function about(schedule) {
  const { next, last, unfinished, missed, overlap, error, owed_since: owed, job } = schedule;
  const rules = [
    missed && `missed: ${missed}`,
    overlap && "may overlap",
    job.queue && job.queue !== "default" && `queue ${job.queue}`,
  ].filter(Boolean);
  const facts = [
    [
      "Next",
      next.length && !schedule.paused
        ? next.map((tick, index) => h("span", at(tick), index === 0 && h("span.hint", " · ", ago(tick))))
        : "–",
    ],
    ["Last", last ? result(last) : "–"],
    ["Now", unfinished && result(unfinished)],
    ["Owes since", owed && [at(owed)]],
    ["Rules", rules.join(", ")],
  ];
  return [
    h("pre.shell", { tabindex: 0, "aria-label": `Command of ${schedule.name}` }, oneLine(job.command ?? "")),
    error && h("p.why.bad", oneLine(error)),
    h(
      "dl.facts",
      facts.filter(([, value]) => value).map(([label, value]) => h("div", h("dt", label), h("dd.listed", value))),
    ),
  ];
}

function result(job) {
  return [
    stateLabel(job).element,
    h("span", "job ", jobLink(job.id)),
    job.finished_at && h("span.hint", ago(job.finished_at)),
    job.error && h("span.error", oneLine(job.error)),
  ];
}

function scheduleVerbs(name, again) {
  const path = `/api/cron/${encodeURIComponent(name)}`;
  const act = async (method, rest, said) => {
    const answer = await attempt(async () => (await send(method, path + rest)) ?? {});
    if (!answer) return;
    notice(said(answer));
    again();
  };
  const trigger = button(
    "Run now",
    "processing",
    () =>
      act("POST", "/trigger", (job) =>
        job.id ? h("span", "Job ", jobLink(job.id), ` of ${name} is enqueued.`) : `A job of ${name} is enqueued.`,
      ),
    { label: `Run ${name} now` },
  );
  const pause = button("Pause", "pause", () => act("POST", "/pause", () => `Schedule ${name} is paused.`), {
    label: `Pause schedule ${name}`,
  });
  const resume = button(
    "Resume",
    "resume",
    () => act("POST", "/resume", () => `Schedule ${name} goes on with its next time.`),
    { label: `Resume schedule ${name}` },
  );
  const question = {
    title: `Remove schedule ${name}?`,
    text: "It makes no more jobs. Those that it has made stay.",
    yes: "Remove it",
    danger: true,
  };
  const remove = button(
    "Remove",
    "trash",
    async () => (await ask(question)) && act("DELETE", "", () => `Schedule ${name} is removed.`),
    { label: `Remove schedule ${name}`, kind: "danger" },
  );
  const tell = ({ paused }) => {
    pause.hidden = paused;
    resume.hidden = !paused;
  };
  return { element: h("span.verbs", trigger, pause, resume, remove), tell };
}
