/**
 * The states as tabs with their counts: links, so that each has an address.
 * @module
 */

import { bringIntoSight, h, mark, reveal, say } from "./dom.js";
import { compact, count } from "./format.js";
import { icon } from "./icons.js";
import { STATES } from "./states.js";

/** @param {(state: string) => string} addressOf */
export function stateTabs(addressOf) {
  const tabs = ["", ...STATES].map((state) => tab(state));
  const element = h(
    "nav.tabs",
    { "aria-label": "States" },
    h(
      "ul",
      tabs.map(({ link }) => h("li", link)),
    ),
  );

  let shown = null;

  function tell(counts) {
    const total = STATES.reduce((sum, state) => sum + (counts[state] ?? 0), 0);
    for (const one of tabs) one.tell(one.state ? (counts[one.state] ?? 0) : total);
  }

  return {
    element,
    /** Say which state is looked at, and how many jobs there are in each. */
    set(view, counts) {
      for (const { state, link, number } of tabs) {
        mark(link, "href", addressOf(state));
        mark(link, "aria-current", state === view.state ? "page" : null);
        reveal(number, isCounted(view));
      }
      if (shown !== view.state) bringIntoSight(element, tabs.find(({ state }) => state === view.state)?.link);
      shown = view.state;
      tell(counts);
    },
    /** Take the counts from the status. */
    tellStatus(status, { queue }) {
      const counts = queue ? status.queues.find(({ name }) => name === queue)?.counts : status.counts;
      if (counts) tell(counts);
    },
  };
}

/** Whether it is known how many jobs of a view there are: nobody counts those with a tag or a word. */
function isCounted({ tag, search }) {
  return !tag && !search;
}

function tab(state) {
  const number = h("span.number");
  const link = h("a", state && icon(state), h("span", state || "all"), number);
  if (state) link.dataset.state = state;
  const tell = (value) => {
    mark(say(number, compact(value)), "title", count(value));
    link.classList.toggle("none", value === 0);
  };
  return { state, link, number, tell };
}
