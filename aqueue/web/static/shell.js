/**
 * What stands around every page: the ways to the others, and whether it is live.
 * @module
 */

import { bringIntoSight, h, mark, put, reveal, say } from "./dom.js";
import { compact, count, moment } from "./format.js";
import { icon } from "./icons.js";
import { notices } from "./notice.js";
import { logOut, session } from "./session.js";

const WAYS = [
  ["overview", "/", "Overview", "overview"],
  ["jobs", "/jobs", "Jobs", "jobs"],
  ["dead", "/dead", "Dead letters", "dlq"],
  ["queues", "/queues", "Queues", "queues"],
  ["schedules", "/schedules", "Schedules", "schedules"],
  ["enqueue", "/enqueue", "Enqueue", "enqueue"],
];

/** The frame of all pages. */
export class Shell {
  #links = new Map();
  #main = document.getElementById("main");
  #dead = h("span.tally", { hidden: true });
  #word = h("span", "Connecting …");
  #state = h("p.live", { "data-live": "wait", role: "status" }, h("span.dot", { "aria-hidden": "true" }), this.#word);
  #since = h("strong");
  #next = h("span", { "aria-hidden": "true" });
  #lost = h("div.lost", { hidden: true });
  #countdown = 0;

  /** @param {() => void} retry tries to be live again */
  constructor(retry) {
    const again = h("button.small", { type: "button", onclick: retry }, "Try now");
    put(this.#lost, h("p", { role: "alert" }, this.#since, " What you see may be old. "), this.#next, again);
    document.getElementById("bar").append(h("div.rail", this.#brand(), this.#ways(), this.#foot()));
    this.#main.before(this.#lost);
    document.body.append(notices);
  }

  #brand() {
    return h("a.brand", { href: "/" }, h("img", { src: "/static/icon.svg", alt: "", width: 24, height: 24 }), "aqueue");
  }

  #nav = h("nav", { "aria-label": "Pages" });

  #ways() {
    const items = WAYS.filter(([name]) => name !== "enqueue" || session.may_enqueue).map(
      ([name, href, label, sign]) => {
        const link = h("a", { href }, icon(sign), h("span", label), name === "dead" && this.#dead);
        this.#links.set(name, link);
        return h("li", link);
      },
    );
    return put(this.#nav, h("ul", items));
  }

  #foot() {
    const leave = async () => {
      await logOut();
      location.assign("/login");
    };
    return h(
      "div.foot",
      this.#state,
      session.read_only && h("p", h("span.badge", "read-only")),
      h("p.place", h("a", { href: "/docs" }, "API"), ` · ${session.version}`),
      session.token &&
        !session.login &&
        h("button.quiet.small", { type: "button", onclick: leave }, icon("logout"), "Log out"),
    );
  }

  /** Put a page on the screen; after the first, the focus goes to its heading, where a reader begins. */
  show(name, page, { first, scroll }) {
    for (const [way, link] of this.#links) mark(link, "aria-current", way === name ? "page" : null);
    bringIntoSight(this.#nav, this.#links.get(name));
    document.title = `${page.title} · aqueue`;
    put(this.#main, page.element);
    scrollTo(0, scroll);
    if (first) return;
    const heading = this.#main.querySelector("h1");
    heading?.setAttribute("tabindex", "-1");
    (this.#main.querySelector("[autofocus]") ?? heading)?.focus({ preventScroll: true });
  }

  /** Say what the whole queue looks like. */
  tellStatus({ counts }) {
    const { dead } = counts;
    reveal(say(this.#dead, compact(dead)), dead > 0);
    mark(this.#dead, "title", `${count(dead)} in the dead letter queue`);
  }

  /** Say that changes come as they happen. */
  tellLive() {
    clearInterval(this.#countdown);
    mark(this.#state, "data-live", "yes");
    say(this.#word, "Live");
    reveal(this.#lost, false);
  }

  /** Say that they do not, since when, and when it is tried again. */
  tellLost({ since, wait }) {
    clearInterval(this.#countdown);
    const when = moment(since.toISOString());
    mark(this.#state, "data-live", "no");
    say(this.#word, `Not live since ${when}`);
    say(this.#since, `Not live since ${when}.`);
    const end = Date.now() + wait;
    const tell = () =>
      say(
        this.#next,
        wait && end > Date.now() ? `Trying again in ${Math.ceil((end - Date.now()) / 1000)} s.` : "Trying again …",
      );
    tell();
    this.#countdown = setInterval(tell, 1000);
    reveal(this.#lost, true);
  }
}
