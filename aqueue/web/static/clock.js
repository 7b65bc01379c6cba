/**
 * Times that stay true while one looks at them: all of a page are written again once a second, by one timer, and
 * only while somebody can see them.
 * @module
 */

import { h, mark, say } from "./dom.js";
import { between, distance, duration, fullTime, moment, wholeDuration } from "./format.js";

const SHOWN = {
  ago: (element) => distance(element.dateTime),
  since: (element) => wholeDuration(between(element.dateTime)),
};

/** How far a moment lies from now, kept true. Null is shown as a dash. */
export function ago(iso) {
  return setTime(h("time", { "data-shown": "ago" }), iso);
}

/** For how long something has lasted, kept true. */
export function since(iso) {
  return setTime(h("time", { "data-shown": "since" }), iso);
}

/** A moment by the clock, which is not written again. */
export function at(iso) {
  return setTime(h("time", { "data-shown": "at" }), iso);
}

/** Give another moment to a time that is shown. */
export function setTime(element, iso) {
  if (!iso) {
    element.removeAttribute("datetime");
    element.removeAttribute("title");
    return say(element, "–");
  }
  if (element.dateTime !== iso) {
    mark(element, "datetime", iso);
    mark(element, "title", fullTime(iso));
  }
  return say(element, (SHOWN[element.dataset.shown] ?? ((one) => moment(one.dateTime)))(element));
}

/** How long a run took, or takes: with an end it stands still. */
export function took(start, end) {
  return setTook(h("time"), start, end);
}

/** Give a start and an end to what `took` made. */
export function setTook(element, start, end) {
  if (!start) return say(element, "–");
  if (end) {
    delete element.dataset.shown;
    element.removeAttribute("datetime");
    return say(element, duration(Math.max(0, between(start, end))));
  }
  element.dataset.shown = "since";
  return setTime(element, start);
}

/** Begin to keep the times true. Calls `onGap` when the clock has jumped: the machine slept. */
export function startClock(onGap) {
  let last = Date.now();
  setInterval(() => {
    const now = Date.now();
    if (now - last > 20_000 && !document.hidden) onGap();
    last = now;
    if (!document.hidden) tick();
  }, 1000);
  document.addEventListener("visibilitychange", tick);
}

function tick() {
  for (const element of document.querySelectorAll("time[datetime][data-shown]")) {
    const shown = SHOWN[element.dataset.shown];
    if (shown) say(element, shown(element));
  }
}
