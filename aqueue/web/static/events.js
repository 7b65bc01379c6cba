/**
 * Every transition of a job, newest first.
 * @module
 */

import { at } from "./clock.js";
import { h, keyed } from "./dom.js";
import { count } from "./format.js";
import { stateLabel } from "./states.js";
import { oneLine } from "./text.js";

const MOST = 200; // events on the screen

/** The list of events, closed until it is wanted. */
export function eventList() {
  const body = h("tbody");
  const draw = keyed(body, ({ event }) => event, row);
  const number = h("span.hint");
  const head = h(
    "tr",
    ["When", "What", "Run", "Worker", "How it ended"].map((text, index) =>
      h("th", { scope: "col", class: index === 3 ? "wide" : null }, text),
    ),
  );
  const table = h("div.table", h("table", h("caption.unseen", "Events"), h("thead", head), body));
  return {
    element: h("section.card", h("details", h("summary", h("h2", "Events"), number), table)),
    /** @param {Object[]} events oldest first */
    tell(events) {
      draw(events.slice(-MOST).reverse());
      number.textContent =
        events.length > MOST ? ` the newest ${MOST} of ${count(events.length)}` : ` ${count(events.length)}`;
    },
  };
}

function row(event) {
  const from = event.from ? stateLabel({ state: event.from }).element : "enqueued";
  const element = h(
    "tr",
    h("td.c-time", at(event.at)),
    h("td", h("span.turn", from, " → ", event.to ? stateLabel({ state: event.to }).element : "removed")),
    h("td", event.run ?? "–"),
    h("td.wide", event.worker ?? "–"),
    h("td.c-command", event.error ? h("div.error", oneLine(event.error)) : h("span.hint", event.ending ?? "")),
  );
  return { element, update: () => {} };
}
