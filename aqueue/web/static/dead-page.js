/**
 * Dead letters: the jobs that were given up, together by their error, for what fails together is repaired together.
 * @module
 */

import { ago, setTime } from "./clock.js";
import { h, keyed, put, reveal, say } from "./dom.js";
import { count, jobs } from "./format.js";
import { get } from "./http.js";
import { jobLink } from "./job-row.js";
import { pace } from "./pace.js";
import { session } from "./session.js";
import { visible } from "./text.js";
import { doToMany, doToOne, verbButton } from "./verbs.js";

/** @returns {Promise<import("./router.js").Page>} */
export async function openDead({ signal }) {
  const again = pace(() => read(), 1000, signal);
  const total = h("span.hint");
  const partly = h("p.hint", { hidden: true });
  const list = h("ul.groups");
  const draw = keyed(
    list,
    (group) => group.error ?? "",
    (group) => groupCard(group, again),
  );
  const none = h(
    "div.empty",
    { hidden: true },
    h("p", "No job is dead. What runs out of retries, or fails in a way that must not be retried, comes here."),
  );
  const all =
    session.may_change &&
    h(
      "span.verbs",
      ["retry", "remove"].map((verb) =>
        verbButton(
          verb,
          async () => (await doToMany(verb, { state: "dead" }, { which: "in the dead letter queue" })) && again(),
          { label: `${verb === "retry" ? "Retry" : "Remove"} all dead jobs` },
        ),
      ),
    );

  async function read() {
    const seen = await get("/api/dead?limit=200", signal);
    draw(seen.groups);
    say(total, seen.total ? jobs(seen.total) : "");
    const looked = seen.of ?? seen.total;
    reveal(say(partly, `Grouped are the newest ${count(looked)} of ${count(seen.total)}.`), looked < seen.total);
    reveal(none, seen.total === 0);
    if (all) reveal(all, seen.total > 0);
  }

  await read();
  let dead = null;
  return {
    title: "Dead letters",
    element: h("section.page", h("div.title", h("h1", "Dead letters"), total, all), partly, list, none),
    update({ status, jobs: changed }) {
      if (status.counts.dead !== dead || changed.some((job) => job.state === "dead")) again();
      dead = status.counts.dead;
    },
    refresh: again,
  };
}

function groupCard(first, again) {
  const error = first.error ?? "";
  // The search finds what holds the error; the question before a verb names how many that are.
  const selection = error ? { state: "dead", search: error } : { state: "dead" };
  const number = h("strong.number");
  const newest = ago(first.newest);
  const samples = h("span.samples");
  const act = async (verb) => {
    const done =
      current.count === 1 && current.ids.length === 1
        ? await doToOne(verb, current.ids[0])
        : await doToMany(verb, selection, { which: "with this error" });
    if (done) again();
  };
  const verbs =
    session.may_change &&
    h(
      "span.verbs",
      ["retry", "remove"].map((verb) =>
        verbButton(verb, () => act(verb), {
          label: `${verb === "retry" ? "Retry" : "Remove"} the jobs with this error`,
        }),
      ),
    );
  const show = h("a.button", { href: `/jobs?${new URLSearchParams(selection)}` }, "Show");
  let current = first;
  let shown = "";
  const element = h(
    "li.card.group",
    h("div.count", number, h("span.hint", newest)),
    h("div.what", h("pre.error-text", visible(error) || "no error is known"), samples),
    h("div.acts", show, verbs),
  );
  const update = (group) => {
    current = group;
    say(number, count(group.count));
    setTime(newest, group.newest);
    if (group.ids.join(" ") === shown) return;
    shown = group.ids.join(" ");
    put(
      samples,
      group.ids.map((id) => [jobLink(id), " "]),
      group.count > group.ids.length && h("span.hint", `and ${count(group.count - group.ids.length)} more`),
    );
  };
  return { element, update };
}
