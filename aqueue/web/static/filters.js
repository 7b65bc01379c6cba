/**
 * The filters of the list of jobs. They stand in the address: each change is a step that Back takes back, but for the
 * letters of one search, which are one step.
 * @module
 */

import { h, put } from "./dom.js";
import { icon } from "./icons.js";

const QUIET = 250; // milliseconds after the last letter until a search begins

const SORTS = [
  ["newest", "Newest first"],
  ["oldest", "Oldest first"],
  ["updated", "Last changed first"],
];

/** @param {(part: Object, options?: {replace: boolean}) => void} change */
export function jobFilters(change) {
  let typing = false;
  let timer = 0;
  let names = [];
  let wanted = "";
  const search = h("input", {
    type: "search",
    name: "search",
    placeholder: "Command, id or error",
    "aria-label": "Search in command, id and error",
  });
  const queue = h("select", { name: "queue", "aria-label": "Queue" });
  const tag = h("input", { name: "tag", placeholder: "Tag", "aria-label": "Tag", size: 12 });
  const sort = h(
    "select",
    { name: "sort", "aria-label": "Order" },
    SORTS.map(([value, label]) => h("option", { value }, label)),
  );
  const element = h("form.filters", { role: "search" }, h("span.search", icon("search"), search), queue, tag, sort);

  function look() {
    clearTimeout(timer);
    change({ search: search.value.trim() }, { replace: typing });
    typing = true;
  }

  search.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(look, QUIET);
  });
  search.addEventListener("blur", () => (typing = false));
  queue.addEventListener("change", () => change({ queue: queue.value }));
  tag.addEventListener("change", () => change({ tag: tag.value.trim() }));
  sort.addEventListener("change", () => change({ sort: sort.value }));
  element.addEventListener("submit", (event) => {
    event.preventDefault();
    if (document.activeElement === tag) change({ tag: tag.value.trim() });
    else look();
  });

  function drawQueues() {
    const all = wanted && !names.includes(wanted) ? [...names, wanted] : names;
    put(
      queue,
      h("option", { value: "" }, "All queues"),
      all.map((name) => h("option", { value: name }, name)),
    );
    queue.value = wanted;
  }

  return {
    element,
    /** Show what the address says. */
    set(view) {
      clearTimeout(timer);
      if (document.activeElement !== search || view.search !== search.value.trim()) search.value = view.search;
      tag.value = view.tag;
      sort.value = view.sort;
      wanted = view.queue;
      drawQueues();
    },
    /** Say which queues there are. */
    tellQueues(now) {
      if (now.join("\n") === names.join("\n")) return;
      names = now;
      if (document.activeElement !== queue) drawQueues();
    },
  };
}
