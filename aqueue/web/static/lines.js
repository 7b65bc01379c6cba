/**
 * Output as lines: pieces of both streams come in, and at most so many lines are kept, the newest. A line of one
 * stream stays whole also when the other one writes in between.
 * @module
 */

import { size } from "./format.js";

/** How many lines are kept. */
export const MOST_LINES = 5000;

/** How long a line may be; a longer one goes on in the next. */
export const LONGEST_LINE = 4096;

const SLACK = 500; // lines dropped at once

/**
 * @typedef {Object} Line
 * @property {"stdout"|"stderr"|"gap"} stream
 * @property {string} at when its first piece came
 * @property {string} text
 * @property {Element} [element] that shows it
 */

/** The lines of one run. Whoever shows them takes what is new, what has grown, and what is gone. */
export class Lines {
  /** @type {Line[]} */
  all = [];
  /** How many lines are not kept any more. */
  dropped = 0;
  #open = { stdout: null, stderr: null };
  #end = 0;
  #fresh = [];
  #grown = new Set();
  #gone = [];

  constructor(most = MOST_LINES) {
    this.most = most;
  }

  /** Take a piece. What was left out before it is said in a line of its own. */
  push({ stream, at, start, end, text }) {
    if (start > this.#end) this.#tellGap(start - this.#end, at);
    this.#end = Math.max(this.#end, end);
    const lines = text.split("\n");
    lines.forEach((line, index) => {
      const isLast = index === lines.length - 1;
      if (line || !isLast) this.#append(stream, at, line);
      if (!isLast) this.#open[stream] = null;
    });
    if (this.all.length > this.most + SLACK) this.#drop(this.all.length - this.most);
  }

  /** What has changed since the last call. */
  take() {
    const changed = { fresh: this.#fresh, grown: [...this.#grown], gone: this.#gone };
    this.#fresh = [];
    this.#grown = new Set();
    this.#gone = [];
    return changed;
  }

  #tellGap(bytes, at) {
    this.#open = { stdout: null, stderr: null };
    this.#add({ stream: "gap", at, text: `… ${size(bytes)} left out …` });
  }

  #append(stream, at, text) {
    // A carriage return within a line is how a program writes over it: each version gets a line.
    for (const part of text.split(/(?<=\r)(?!$)/)) {
      if (this.#open[stream]?.text.endsWith("\r")) this.#open[stream] = null;
      for (let from = 0; from === 0 || from < part.length; from += LONGEST_LINE)
        this.#write(stream, at, part.slice(from, from + LONGEST_LINE));
    }
  }

  #write(stream, at, text) {
    const open = this.#open[stream];
    if (open && open.text.length + text.length <= LONGEST_LINE) {
      open.text += text;
      this.#grown.add(open);
    } else {
      this.#open[stream] = this.#add({ stream, at, text });
    }
  }

  #add(line) {
    this.all.push(line);
    this.#fresh.push(line);
    return line;
  }

  #drop(number) {
    const gone = this.all.splice(0, number);
    this.dropped += number;
    this.#gone.push(...gone.filter((line) => line.element));
    const kept = new Set(this.all);
    this.#fresh = this.#fresh.filter((line) => kept.has(line));
    this.#grown = new Set([...this.#grown].filter((line) => kept.has(line)));
  }
}
