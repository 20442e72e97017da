// One run: where it is, what it says, what it is made of, what it left.

import "../elements/log-view.js";
import "../elements/snapshot-view.js";
import { read } from "../api.js";
import { announce, el, problem, show } from "../dom.js";
import { icon } from "../elements/icons.js";
import { badge, ended, words } from "../elements/small.js";
import { timeline } from "../elements/state-timeline.js";
import { tabList } from "../elements/tab-list.js";
import { short } from "../format.js";
import { data, page } from "../places.js";
import { note } from "../router.js";
import { cancelButton } from "./run-cancel.js";
import { facts } from "./run-facts.js";
import { listen } from "./run-live.js";
import { childrenPanel, configurationPanel, eventsPanel, filesPanel, metricsPanel } from "./run-panels.js";

const REFRESH = 4000;

export async function run(node, { workspace, id, query }, { signal, titled, crumbs, ready }) {
  const address = data(["workspaces", workspace, "runs", id]);
  const value = await read(address, signal);
  const state = { workspace, value, run: value.run, events: value.events, signal };
  const view = draw(node, state, query.get("tab"));
  const name = nameOf(value);
  titled(name);
  crumbs([{ text: name }]);
  ready();
  listen(state, view.log, () => update(view, state));
  refresh(address, view, state);
}

const nameOf = ({ run: { shown_name: shown, name, script, run_id: id } }) => shown || name || script || short(id);

function draw(node, state, tab) {
  const { value, workspace, run: record } = state;
  const view = {
    state: el("span"),
    actions: el("div.buttons"),
    timeline: el("div"),
    reason: el("div"),
    facts: el("dl.facts"),
    events: el("div"),
    metrics: el("div"),
    children: el("div"),
    files: el("div"),
    log: el("log-view", { download: data(["workspaces", workspace, "runs", record.run_id, "log"]) }),
  };
  const source = el("snapshot-view");
  const chosen = (id) => {
    if (id === "source") source.load(workspace, record.run_id, record.script);
    if (id === "files") view.files.open?.();
    note(page.run(workspace, record.run_id, id === "log" ? "" : id));
  };
  const tabs = tabList(
    "Parts of the run",
    [
      { id: "log", title: "Log", panel: el("div", {}, view.log) },
      { id: "metrics", title: "Metrics", panel: view.metrics },
      { id: "files", title: "Files", panel: view.files },
      value.snapshot ? { id: "source", title: "Source", panel: el("div", {}, source) } : null,
      { id: "configuration", title: "Configuration", panel: configurationPanel(value.configuration) },
      { id: "children", title: "Child runs", panel: view.children },
      { id: "events", title: "Events", panel: view.events },
    ].filter(Boolean),
    tab,
    chosen,
  );
  show(
    node,
    el("div.title", {}, el("h1", { tabindex: -1 }, nameOf(value)), view.state, view.actions),
    view.timeline,
    view.reason,
    el("div.columns", {}, tabs.node, el("aside.aside", { "aria-label": "Facts" }, view.facts)),
  );
  filesPanel(view.files, state);
  update(view, state);
  if (tabs.current !== "log") chosen(tabs.current);
  return view;
}

/** Show what may have changed. */
function update(view, state) {
  const { run: record, value } = state;
  const shown = !ended(record.state) && record.cancel_requested_at ? "CancelRequested" : record.state;
  if (view.shown && view.shown !== shown) announce(`The run is now ${words(shown).toLowerCase()}.`);
  view.shown = shown;
  show(view.state, badge(shown));
  show(
    view.actions,
    cancelButton(state, () => update(view, state)),
    el("a.button", { href: value.mlflow, "data-key": "in-mlflow" }, "Open in MLflow", icon("out")),
  );
  show(view.timeline, timeline(state.events));
  show(view.reason, reason(record));
  show(view.facts, ...facts(state));
  show(view.events, eventsPanel(state, value.more.events));
  childrenPanel(view.children, state);
  metricsPanel(view.metrics, state);
}

function reason({ state, reason: said, error_code: code }) {
  if (!said) return null;
  const [first, ...rest] = said.split("\n");
  return el(
    state === "Failed" ? "div.problem" : "div.notice",
    {},
    el("p", {}, first, code ? el("code", {}, code) : null),
    rest.length ? el("pre", {}, rest.join("\n")) : null,
  );
}

/** Bring metrics, children and files anew now and then while the run goes on, and once more when it has ended. */
async function refresh(address, view, state) {
  while (!state.signal.aborted) {
    const over = ended(state.run.state);
    await new Promise((resolve) => setTimeout(resolve, REFRESH));
    if (state.signal.aborted) return;
    if (document.hidden && !over) continue;
    try {
      state.value = await read(address, state.signal);
      state.run = state.value.run;
      state.events = state.value.events;
      update(view, state);
      if (over) return;
    } catch (error) {
      if (error.name === "AbortError") return;
      if (error.status) {
        show(view.reason, problem(error));
        return;
      }
    }
  }
}
