// The way of a run through its states, with how long it stayed in each.

import { el } from "../dom.js";
import { clock, moment } from "../format.js";
import { icon } from "./icons.js";
import { ended, took, words } from "./small.js";

const AHEAD = ["NotStarted", "Preparing", "Queued", "Running", "Finalizing", "Completed"];

/** Return the stations of a run: those it was at, and those that still lie ahead. */
export function stations(events) {
  const moves = events.filter((event) => event.new);
  const found = moves.map((event, index) => ({
    state: event.new,
    since: event.time,
    until: moves[index + 1]?.time ?? null,
  }));
  const last = found.at(-1);
  if (last && !ended(last.state)) {
    const next = AHEAD.indexOf(last.state === "CancelRequested" ? "Running" : last.state) + 1;
    for (const state of last.state === "CancelRequested" ? ["Canceled"] : AHEAD.slice(next))
      found.push({ state, since: null, until: null });
  }
  return found;
}

/** Draw them. */
export function timeline(events) {
  const all = stations(events);
  const present = all.filter((station) => station.since).at(-1);
  return el(
    "ol.timeline",
    { "aria-label": "States of the run" },
    all.map((station) => {
      const here = station === present;
      const phase = !station.since ? "ahead" : here ? "here" : "past";
      const over = ended(station.state);
      return el(
        "li",
        { "data-state": station.state, "data-phase": phase, "aria-current": here ? "step" : null },
        el("span.mark", {}, icon(station.state)),
        el("span.word", {}, words(station.state)),
        station.since
          ? el(
              "span.when",
              {},
              el(
                "time",
                { datetime: new Date(station.since * 1000).toISOString(), title: moment(station.since) },
                over ? clock(station.since) : took(station.since, station.until),
              ),
            )
          : el("span.when", {}, el("span.for-readers", {}, "not yet")),
      );
    }),
  );
}
