/**
 * Lines of output on the screen: drawn once a frame at most, with a bounded number of elements, and followed to the
 * end as long as the reader does not scroll up.
 * @module
 */

import { h, reveal, say } from "./dom.js";
import { count, moment } from "./format.js";
import { Lines } from "./lines.js";
import { printed } from "./text.js";

const NEAR = 24; // pixels from the end that still count as the end

/** Shows the output of one run. */
export class Terminal {
  #lines = new Lines();
  #frame = 0;
  #query = "";
  #hits = [];
  #hit = -1;
  #follows = true;

  /**
   * @param {Object} listeners
   * @param {(follows: boolean) => void} listeners.onFollow
   * @param {(hit: number, hits: number) => void} listeners.onHits  the first is 1; 0 is none
   */
  constructor({ onFollow, onHits }) {
    this.onFollow = onFollow;
    this.onHits = onHits;
    this.cut = h("p.cut", { hidden: true });
    this.body = h("div.lines");
    this.empty = h("p.hint", { hidden: true });
    this.element = h(
      "div.terminal",
      { tabindex: 0, role: "region", "aria-label": "What it printed" },
      this.cut,
      this.body,
      this.empty,
    );
    this.element.addEventListener("scroll", () => this.#scrolled(), { passive: true });
  }

  /** Whether it follows to the end. */
  get follows() {
    return this.#follows;
  }

  set follows(yes) {
    this.#follows = yes;
    this.onFollow(yes);
    if (yes) this.#toEnd();
  }

  /** Show pieces. */
  push(pieces) {
    for (const piece of pieces) this.#lines.push(piece);
    if (pieces.length && !this.#frame) this.#frame = requestAnimationFrame(() => this.#draw());
  }

  /** Say what stands in the place of output; empty for nothing. */
  tellEmpty(text) {
    reveal(say(this.empty, text), Boolean(text) && !this.#lines.all.length);
  }

  /** Look for a text; without one, for nothing. */
  search(query) {
    this.#query = query.toLowerCase();
    for (const line of this.#lines.all) this.#markHit(line);
    this.#count();
    if (this.#hits.length) this.step(0);
  }

  /** Go to the next hit (1), the one before (-1), or begin at the first (0). */
  step(by) {
    if (!this.#hits.length) return;
    this.#hits[this.#hit]?.element?.classList.remove("now");
    const from = by === 0 ? 0 : this.#hit + by;
    this.#hit = (from + this.#hits.length) % this.#hits.length;
    const { element } = this.#hits[this.#hit];
    this.follows = false;
    element.classList.add("now");
    element.scrollIntoView({ block: "nearest" });
    this.onHits(this.#hit + 1, this.#hits.length);
  }

  #draw() {
    this.#frame = 0;
    const { fresh, grown, gone } = this.#lines.take();
    for (const line of gone) line.element.remove();
    for (const line of grown) if (line.element) this.#tell(line);
    const added = document.createDocumentFragment();
    for (const line of fresh) {
      line.element = h(`div.line.${line.stream}`, { "data-at": moment(line.at) });
      this.#tell(line);
      added.append(line.element);
    }
    this.body.append(added);
    const { dropped } = this.#lines;
    reveal(
      say(this.cut, `${count(dropped)} lines before this are not shown any more; the download has all that is kept.`),
      dropped > 0,
    );
    this.tellEmpty("");
    if (this.#query) this.#count();
    if (this.#follows) this.#toEnd();
  }

  #tell(line) {
    say(line.element, printed(line.text) || "\u200b");
    this.#markHit(line);
  }

  #markHit(line) {
    line.element?.classList.toggle("hit", Boolean(this.#query) && line.text.toLowerCase().includes(this.#query));
  }

  #count() {
    const now = this.#hits[this.#hit];
    this.#hits = this.#query ? this.#lines.all.filter((line) => line.element?.classList.contains("hit")) : [];
    this.#hit = this.#hits.indexOf(now);
    if (this.#hit < 0) now?.element?.classList.remove("now");
    this.onHits(this.#hit + 1, this.#hits.length);
  }

  #toEnd() {
    this.element.scrollTop = this.element.scrollHeight;
  }

  #scrolled() {
    const { scrollTop, clientHeight, scrollHeight } = this.element;
    const atEnd = scrollHeight - scrollTop - clientHeight < NEAR;
    if (atEnd !== this.#follows && (!atEnd || !this.#query)) {
      this.#follows = atEnd;
      this.onFollow(atEnd);
    }
  }
}
