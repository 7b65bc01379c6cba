/**
 * Numbers, times and sizes as people read them. Times are ISO 8601 texts, durations seconds.
 * @module
 */

import { now } from "./now.js";

const COUNT = new Intl.NumberFormat("en");
const COMPACT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });
const TIME = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
const OF_DAY = new Intl.DateTimeFormat("en-GB", TIME);
const OF_YEAR = new Intl.DateTimeFormat("en-GB", { ...TIME, day: "numeric", month: "short" });
const OF_PAST = new Intl.DateTimeFormat("en-GB", { ...TIME, day: "numeric", month: "short", year: "numeric" });

/** 12345 as `12,345`. */
export function count(number) {
  return COUNT.format(number);
}

/** 12345 as `12.3K`. */
export function compact(number) {
  return COMPACT.format(number);
}

/** `1 job`, `2 jobs`. */
export function jobs(number) {
  return `${count(number)} ${number === 1 ? "job" : "jobs"}`;
}

/** A duration: `240 ms`, `2.4 s`, `3 m 12 s`, `2 h 5 m`, `3 d 4 h`. */
export function duration(seconds) {
  if (seconds < 0.9995) return `${Math.round(Math.max(0, seconds) * 1000)} ms`;
  if (seconds < 9.95) return `${Number(seconds.toFixed(1))} s`;
  if (seconds < 59.5) return `${Math.round(seconds)} s`;
  return inTwo(Math.round(seconds));
}

/** An age or a wait, to the second. */
export function wholeDuration(seconds) {
  return seconds < 60 ? `${Math.floor(Math.max(0, seconds))} s` : inTwo(Math.floor(seconds));
}

function inTwo(seconds) {
  const [large, small, names] =
    seconds < 3600 ? [60, 1, ["m", "s"]] : seconds < 86400 ? [3600, 60, ["h", "m"]] : [86400, 3600, ["d", "h"]];
  const rest = Math.floor((seconds % large) / small);
  return `${Math.floor(seconds / large)} ${names[0]}${rest ? ` ${rest} ${names[1]}` : ""}`;
}

/** How far a moment lies from now: `in 2 m 3 s`, `5 s ago`, and of what is long past only `2 h ago`. */
export function distance(iso) {
  const seconds = (Date.parse(iso) - now()) / 1000;
  if (seconds > 0) return `in ${wholeDuration(Math.ceil(seconds))}`;
  return seconds > -1 ? "now" : `${wholeDuration(-seconds).split(" ", 2).join(" ")} ago`;
}

/** Seconds from one moment to another, or to now. */
export function between(start, end) {
  return ((end ? Date.parse(end) : now()) - Date.parse(start)) / 1000;
}

/** A moment in the reader's zone: `14:02:11`, with the day where it is another. */
export function moment(iso) {
  const at = new Date(iso);
  const today = new Date();
  if (at.toDateString() === today.toDateString()) return OF_DAY.format(at);
  return (at.getFullYear() === today.getFullYear() ? OF_YEAR : OF_PAST).format(at);
}

/** The hour and the minute of a moment in the reader's zone. */
export function minute(iso) {
  return OF_DAY.format(new Date(iso)).slice(0, 5);
}

/** A moment with everything, for the title of a shorter one. */
export function fullTime(iso) {
  return FULL.format(new Date(iso));
}

/** Bytes: `512 B`, `1.5 KiB`, `24 MiB`. */
export function size(bytes) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = bytes < 1024 ? 0 : Math.min(4, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${value < 10 && power ? Number(value.toFixed(1)) : Math.round(value)} ${units[power]}`;
}

/** A share between 0 and 1: `12 %`, `0.4 %`. */
export function percent(share) {
  const value = share * 100;
  return `${value && value < 9.95 ? Number(value.toFixed(1)) : Math.round(value)} %`;
}
