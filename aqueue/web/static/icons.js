/**
 * Signs, drawn here: strokes on a field of 16 by 16 in the colour of the text around them. They are decoration; what
 * they stand for is said in words beside them, or in the label of their button.
 * @module
 */

import { svg } from "./dom.js";

const PATHS = {
  scheduled: ["M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2", "M8 4.8V8l2.2 1.5"],
  blocked: ["M4 7.2h8v6H4z", "M5.6 7V5.2a2.4 2.4 0 0 1 4.8 0V7"],
  pending: [
    "M8 2.2a5.8 5.8 0 0 1 3 .9",
    "M13 5.2a5.8 5.8 0 0 1 .6 4",
    "M12 12.2a5.8 5.8 0 0 1-3.6 1.6",
    "M5.4 13.2A5.8 5.8 0 0 1 2.6 10",
    "M2.3 6.8A5.8 5.8 0 0 1 4.9 3.1",
  ],
  processing: ["M5.5 3.8v8.4l6.8-4.2z"],
  failed: ["M13 8a5 5 0 1 1-1.6-3.7", "M13 2.4v3.1h-3.1"],
  completed: ["M3.2 8.6l3.1 3.1 6.5-7"],
  dead: ["M4.3 4.3l7.4 7.4", "M11.7 4.3l-7.4 7.4"],
  cancelled: ["M8 2.4a5.6 5.6 0 1 0 0 11.2A5.6 5.6 0 0 0 8 2.4", "M4.2 11.8l7.6-7.6"],
  overview: ["M1.8 8.5h2.7l2-5 3 9 2-4h2.7"],
  jobs: ["M2.5 4h1", "M6 4h7.5", "M2.5 8h1", "M6 8h7.5", "M2.5 12h1", "M6 12h7.5"],
  dlq: ["M2.2 9.2l1.9-6h7.8l1.9 6v3.6H2.2z", "M2.2 9.2h3.3l1 1.6h3l1-1.6h3.3"],
  queues: ["M8 2.2l6 3-6 3-6-3z", "M2 8l6 3 6-3", "M2 10.9l6 3 6-3"],
  schedules: ["M2.5 3.6h11v10h-11z", "M2.5 6.6h11", "M5.3 2v2.4", "M10.7 2v2.4"],
  enqueue: ["M8 3v10", "M3 8h10"],
  copy: ["M5.5 5.5h7.8v7.8H5.5z", "M10.5 5.3V2.7H2.7v7.8h2.6"],
  download: ["M8 2.5v7.3", "M4.8 6.9L8 10l3.2-3.1", "M2.8 13.2h10.4"],
  search: ["M7 2.4a4.6 4.6 0 1 0 0 9.2 4.6 4.6 0 0 0 0-9.2", "M10.4 10.4l3.4 3.4"],
  pause: ["M5.4 3.5v9", "M10.6 3.5v9"],
  resume: ["M5 3.4v9.2L12.4 8z"],
  trash: ["M2.8 4.4h10.4", "M6 4.2V2.6h4v1.6", "M4.2 4.6l.6 8.8h6.4l.6-8.8"],
  edit: ["M3 13l.6-2.9L10.8 3 13 5.2 5.9 12.4z"],
  up: ["M3.8 10L8 5.8 12.2 10"],
  down: ["M3.8 6L8 10.2 12.2 6"],
  left: ["M10 3.8L5.8 8l4.2 4.2"],
  right: ["M6 3.8L10.2 8 6 12.2"],
  close: ["M4 4l8 8", "M12 4l-8 8"],
  logout: ["M6.5 2.7H3v10.6h3.5", "M6.3 8h7.2", "M10.8 5.2L13.6 8l-2.8 2.8"],
  worker: [
    "M3 3h10v10H3z",
    "M6 6h4v4H6z",
    "M6 1v2",
    "M10 1v2",
    "M6 13v2",
    "M10 13v2",
    "M1 6h2",
    "M1 10h2",
    "M13 6h2",
    "M13 10h2",
  ],
};

const FILLED = new Set(["processing", "resume"]);

/** The sign of this name. */
export function icon(name) {
  const paths = PATHS[name].map((d) => svg("path", { d }));
  return svg(`svg.icon${FILLED.has(name) ? ".filled" : ""}`, { viewBox: "0 0 16 16", "aria-hidden": "true" }, paths);
}
