/**
 * Queues: all of them.
 * @module
 */

import { h } from "./dom.js";
import { get } from "./http.js";
import { pace } from "./pace.js";
import { queueTable } from "./queue-table.js";

/** @returns {Promise<import("./router.js").Page>} */
export async function openQueues({ signal }) {
  const table = queueTable(() => again());
  const read = async () => table.tell(await get("/api/queues", signal));
  const again = pace(read, 2000, signal);
  await read();
  const hint =
    "A paused queue starts nothing; what runs goes on. A limit is how many of its jobs run at once, over all workers.";
  return {
    title: "Queues",
    element: h(
      "section.page",
      h("div.title", h("h1", "Queues")),
      h("p.hint", hint),
      h("section.card.flush", table.element),
    ),
    update({ status }) {
      table.update(status);
      again();
    },
    refresh: again,
  };
}
