// A few pictures of sixteen by sixteen. They repeat what words beside them say, so readers skip them.

import { svg } from "../dom.js";

const LINES = {
  NotStarted: ["M8 2.5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11"],
  Preparing: ["M8 2.5a5.5 5.5 0 1 1-5.5 5.5", "M8 5v3l2 1.5"],
  Queued: ["M8 2.5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11", "M8 5v3.2l2.2 1.3"],
  Running: ["M5.5 3.8v8.4l6.5-4.2z"],
  Finalizing: ["M8 2.5v7", "M5 7l3 3 3-3", "M3.5 13.2h9"],
  Completed: ["M3 8.5l3.2 3.2L13 4.8"],
  Failed: ["M4 4l8 8", "M12 4l-8 8"],
  Canceled: ["M8 2.5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11", "M5 8h6"],
  CancelRequested: ["M8 2.5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11", "M6 6l4 4", "M10 6l-4 4"],
  Building: ["M8 2.5a5.5 5.5 0 1 1-5.5 5.5", "M8 5v3l2 1.5"],
  Transitioning: ["M8 2.5a5.5 5.5 0 1 1-5.5 5.5", "M8 5v3l2 1.5"],
  Creating: ["M8 2.5a5.5 5.5 0 1 1-5.5 5.5", "M8 5v3l2 1.5"],
  Deleting: ["M8 2.5a5.5 5.5 0 1 1-5.5 5.5", "M8 5v3l2 1.5"],
  Ready: ["M3 8.5l3.2 3.2L13 4.8"],
  Attached: ["M6.5 9.5l3-3", "M7 5l1.5-1.5a2.5 2.5 0 0 1 3.5 3.5L10.5 8.5", "M9 11l-1.5 1.5A2.5 2.5 0 0 1 4 9l1.5-1.5"],
  Detached: ["M8 2.5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11", "M5 8h6"],
  Failing: ["M4 4l8 8", "M12 4l-8 8"],
  Succeeded: ["M3 8.5l3.2 3.2L13 4.8"],
  Healthy: ["M3 8.5l3.2 3.2L13 4.8"],
  Unhealthy: ["M8 3.5v5.5", "M8 12v.3"],
  sun: [
    "M8 5a3 3 0 1 1 0 6 3 3 0 0 1 0-6",
    "M8 1.5v1.4M8 13.1v1.4M1.5 8h1.4M13.1 8h1.4M3.4 3.4l1 1M11.6 11.6l1 1M12.6 3.4l-1 1M4.4 11.6l-1 1",
  ],
  moon: ["M13 9.6A5.6 5.6 0 0 1 6.4 3a5.6 5.6 0 1 0 6.6 6.6z"],
  system: ["M2.5 3.5h11v7.5h-11z", "M6 13.5h4"],
  folder: ["M2 4.5h4l1.5 1.5H14v6.5H2z"],
  file: ["M4 2h5l3 3v9H4z", "M9 2v3h3"],
  link: ["M6.5 9.5l3-3", "M7 5l1.5-1.5a2.5 2.5 0 0 1 3.5 3.5L10.5 8.5", "M9 11l-1.5 1.5A2.5 2.5 0 0 1 4 9l1.5-1.5"],
  out: ["M6 3H3v10h10v-3", "M9 3h4v4", "M13 3L7.5 8.5"],
  down: ["M8 2.5v8", "M4.8 7.5L8 10.7l3.2-3.2", "M3 13.5h10"],
  chevron: ["M6 4l4 4-4 4"],
  search: ["M7 2.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9", "M10.4 10.4l3.1 3.1"],
};

/** Return a picture by its name. */
export function icon(name) {
  const paths = (LINES[name] ?? LINES.NotStarted).map((d) => svg("path", { d }));
  return svg("svg.icon", { viewBox: "0 0 16 16", "aria-hidden": "true", focusable: "false" }, ...paths);
}

/** The project's sign. */
export function sign() {
  return svg(
    "svg.sign",
    { viewBox: "0 0 32 32", "aria-hidden": "true", focusable: "false" },
    svg("rect", { width: 32, height: 32, rx: 8 }),
    svg("path", { d: "M7 22.5 13 10l4.5 8.5 3-5L25 22.5" }),
    svg("circle", { cx: 25, cy: 22.5, r: 2.2 }),
  );
}
