/**
 * A job between those it comes after and those that come after it, as a small graph of links.
 * @module
 */

import { h, reveal, svg } from "./dom.js";
import { count } from "./format.js";
import { jobAddress } from "./job-row.js";
import { stateLabel } from "./states.js";
import { oneLine } from "./text.js";

const STEP = 40; // pixels from one job to the next below it
const WIDE = 36;

/** The graph of a job; hidden where it has no relatives. */
export function family() {
  const element = h("section.card.family", { "aria-labelledby": "family", hidden: true });
  let shown = "";
  return {
    element,
    /** Show a job with its relatives. */
    tell(job) {
      const { parents, children, more_parents: before, more_children: after } = job;
      const text = JSON.stringify([job.state, parents, children, before, after]);
      if (text === shown) return;
      shown = text;
      reveal(element, parents.length + children.length > 0);
      element.replaceChildren(h("h2", { id: "family" }, "Before and after"), graph(job));
    },
    /** A relative may have changed. */
    update(job, changed) {
      for (const relatives of [job.parents, job.children]) {
        for (const one of relatives) Object.assign(one, pick(changed.find(({ id }) => id === one.id) ?? one));
      }
      this.tell(job);
    },
  };
}

function pick({ id, command, state, error }) {
  return { id, command, state, error };
}

function graph(job) {
  const { parents, children } = job;
  const rows = Math.max(parents.length + (job.more_parents ? 1 : 0), 1, children.length + (job.more_children ? 1 : 0));
  return h(
    "div.graph",
    column("Comes after", parents, job.more_parents, rows),
    parents.length ? edges(parents, rows, false) : null,
    column("This job", [job], 0, rows, true),
    children.length ? edges(children, rows, true) : null,
    column("Before", children, job.more_children, rows),
  );
}

function column(title, relatives, more, rows, isSelf = false) {
  if (!relatives.length) return null;
  const items = relatives.map((one) => h("li", node(one, isSelf)));
  if (more) items.push(h("li.more", `and ${count(more)} more`));
  const list = h("ul", { "aria-label": title }, items);
  list.style.setProperty("padding-top", `${((rows - items.length) * STEP) / 2}px`);
  return list;
}

function node(one, isSelf) {
  const content = [
    stateLabel(one).element,
    h("span.id", one.id),
    h("span.command.wide", oneLine(one.command).slice(0, 200)),
  ];
  const title = oneLine(one.error ? `${one.command}\n${one.error}` : one.command);
  return isSelf
    ? h("span.node", { "aria-current": "true", title }, content)
    : h("a.node", { href: jobAddress(one.id), title }, content);
}

function edges(relatives, rows, forth) {
  const height = rows * STEP;
  const middle = height / 2;
  const top = (height - relatives.length * STEP) / 2 + STEP / 2;
  const lines = relatives.map((one, index) => {
    const y = top + index * STEP;
    const [from, to] = forth ? [middle, y] : [y, middle];
    return svg("path", {
      d: `M0 ${from}C${WIDE / 2} ${from} ${WIDE / 2} ${to} ${WIDE} ${to}`,
      "data-state": forth ? null : one.state,
    });
  });
  return svg("svg.edges", { viewBox: `0 0 ${WIDE} ${height}`, width: WIDE, height, "aria-hidden": "true" }, lines);
}
