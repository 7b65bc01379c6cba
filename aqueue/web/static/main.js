/**
 * The start: what this browser may do, the live channel, and the page that the address names.
 * @module
 */

import { startClock } from "./clock.js";
import { openDead } from "./dead-page.js";
import { h } from "./dom.js";
import { openEnqueue } from "./enqueue-page.js";
import { whenLoginIsWanted } from "./http.js";
import { openJob } from "./job-page.js";
import { openJobs } from "./jobs-page.js";
import { Live } from "./live.js";
import { openLogin } from "./login-page.js";
import { openOverview } from "./overview-page.js";
import { openQueues } from "./queues-page.js";
import { Router } from "./router.js";
import { openSchedules } from "./schedules-page.js";
import { readSession, session } from "./session.js";
import { Shell } from "./shell.js";

const PATIENCE = 400; // milliseconds that the first page waits for the live channel, so as to miss nothing

async function start() {
  await readSession().catch(() => {});
  if (session.login && location.pathname !== "/login")
    location.replace(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
  else if (session.login || location.pathname === "/login") showLogin();
  else await showPages();
}

async function showLogin() {
  const query = new URLSearchParams(location.search);
  const page = await openLogin({ query });
  document.body.classList.add("alone");
  document.title = `${page.title} · aqueue`;
  document.getElementById("main").replaceChildren(page.element);
  page.element.querySelector("input")?.focus();
}

async function showPages() {
  let first = true;
  const shell = new Shell(() => live.retry());
  const live = new Live({
    onChange: (change, begins) => {
      shell.tellStatus(change.status);
      router.hear(change, begins);
    },
    onLive: () => shell.tellLive(),
    onLost: (lost) => {
      shell.tellLost(lost);
      if (!lost.wait) leaveIfLoggedOut();
    },
  });
  const router = new Router(routes({ live, go: (...where) => router.go(...where) }), (name, page, error, scroll) => {
    shell.show(name, page ?? trouble(error, () => router.again()), { first, scroll });
    first = false;
  });
  whenLoginIsWanted(toLogin);
  startClock(() => live.renew());
  live.start();
  await Promise.race([live.arrived, new Promise((resolve) => setTimeout(resolve, PATIENCE))]);
  await router.start();
}

function routes(around) {
  const page = (name, path, open) => ({ name, path, open: (view) => open({ ...view, ...around }) });
  return [
    page("overview", /^\/$/, openOverview),
    page("jobs", /^\/jobs$/, openJobs),
    page("job", /^\/jobs\/(?<id>[^/]+)$/, openJob),
    page("dead", /^\/dead$/, openDead),
    page("queues", /^\/queues$/, openQueues),
    page("schedules", /^\/schedules$/, openSchedules),
    page("enqueue", /^\/enqueue$/, openEnqueue),
    page("missing", /^/, async () => missing()),
  ];
}

function trouble(error, again) {
  const title = error.status === 404 ? "Not found" : "This page could not be read";
  const button = h("button.primary", { type: "button", onclick: again }, "Try again");
  return { title, element: h("section.empty", h("h1", title), h("p", error.message), button) };
}

function missing() {
  return {
    title: "Not found",
    element: h(
      "section.empty",
      h("h1", "Not found"),
      h("p", "There is no such page. ", h("a", { href: "/" }, "Overview")),
    ),
  };
}

function toLogin() {
  location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
}

async function leaveIfLoggedOut() {
  const { login } = await readSession().catch(() => session);
  if (login) toLogin();
}

await start();
