/**
 * The states of a job, one after the other, with how long it stayed in each: as a strip and as a list. The strip is
 * no scale: short stays are drawn longer than they are, or nobody would see them between long ones.
 * @module
 */

import { at, setTook, took } from "./clock.js";
import { h, keyed } from "./dom.js";
import { between } from "./format.js";
import { isFinished, stateLabel } from "./states.js";

const MOST = 24; // stays that are shown

/** The timeline of a job. */
export function timeline() {
  const strip = h("div.strip", { "aria-hidden": "true" });
  const list = h("ol.stays");
  const draw = keyed(strip, ({ key }) => key, bar);
  const drawList = keyed(list, ({ key }) => key, step);
  return {
    element: h("div.timeline", strip, list),
    /** @param {Object[]} events of the job, oldest first */
    tell(events) {
      const stays = staysOf(events).slice(-MOST);
      draw(stays);
      drawList(stays);
    },
  };
}

/** The stays in its states that events tell of. */
export function staysOf(events) {
  const turns = events.filter((event, index) => event.to && event.to !== events[index - 1]?.to);
  return turns.map((event, index) => ({
    key: event.event,
    state: event.to,
    start: event.at,
    end: turns[index + 1]?.at ?? null,
    attempt: event.to === "processing" ? event.attempt : null,
  }));
}

function bar() {
  const element = h("span");
  const update = ({ state, start, end }) => {
    element.dataset.state = state;
    const share = isFinished(state) && !end ? 0.2 : Math.log2(1.5 + 20 * Math.max(0, between(start, end)));
    element.style.setProperty("flex-grow", share.toFixed(2));
  };
  return { element, update };
}

function step(first) {
  const label = stateLabel({ state: first.state });
  const time = took(first.start, first.end);
  const element = h(
    "li",
    label.element,
    h("span.hint", first.attempt ? ` attempt ${first.attempt} · ` : " ", time),
    h("span.hint.when", at(first.start)),
  );
  const update = ({ state, start, end }) => {
    time.hidden = isFinished(state) && !end;
    setTook(time, start, end);
  };
  return { element, update };
}
