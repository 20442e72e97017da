// The stream of a run: its state and its log, as they come. The browser goes on after an interruption by itself.

import { data } from "../places.js";

const WORDS = {
  open: "Live",
  waiting: "Interrupted; connecting again …",
  closed: "The stream ended; load the page again to go on.",
};

/** Listen until the page is left or the run has ended. */
export function listen(state, log, changed) {
  const source = new EventSource(data(["workspaces", state.workspace, "runs", state.run.run_id, "live"]));
  const seen = new Set(state.events.map((event) => event.sequence));
  const on = (kind, take) => source.addEventListener(kind, (event) => take(JSON.parse(event.data)));
  source.addEventListener("open", () => log.say(WORDS.open));
  source.addEventListener("error", () =>
    log.say(source.readyState === EventSource.CLOSED ? WORDS.closed : WORDS.waiting),
  );
  on("run", ({ run, events }) => {
    const fresh = events.filter((event) => !seen.has(event.sequence));
    for (const event of fresh) seen.add(event.sequence);
    state.run = { ...state.run, ...run };
    state.events = [...state.events, ...fresh];
    changed();
  });
  on("log", (piece) => log.add(piece));
  on("end", () => {
    source.close();
    log.say("Complete");
    log.finish();
  });
  on("gone", () => {
    source.close();
    log.say("The run is gone, or no longer yours to see.");
  });
  state.signal.addEventListener("abort", () => source.close());
}
