// One service: how it is, which versions share its requests, how it answers, and a form to try it.

import { Reader } from "../api.js";
import { announce, el, problem, show } from "../dom.js";
import { badge, words } from "../elements/small.js";
import { tabList } from "../elements/tab-list.js";
import { data, page } from "../places.js";
import { poll } from "../polling.js";
import { note } from "../router.js";
import { eventsPanel } from "./run-panels.js";
import { settingsPanel, serviceFacts } from "./service-facts.js";
import { logPanel } from "./service-log.js";
import { Traffic, trafficPanel } from "./service-traffic.js";
import { tryPanel } from "./service-try.js";
import { versionTable } from "./service-versions.js";

const LOOK = 3000;

export async function service(node, { workspace, id, query }, { signal, titled, crumbs, ready }) {
  const place = ["workspaces", workspace, "services", id];
  const readers = { page: new Reader(data(place)), traffic: new Reader(data([...place, "traffic"])) };
  const state = { workspace, id, place, signal, value: await readers.page.read(signal), traffic: new Traffic() };
  titled(id);
  crumbs([{ text: id }]);
  const view = skeleton(node, state, query.get("tab"));
  draw(view, state);
  ready();
  const look = async () => {
    const [value, counted] = await Promise.all([readers.page.read(signal), readers.traffic.read(signal)]);
    state.traffic.take(counted);
    if (value) state.value = value;
    draw(view, state);
    await view.log.look();
    view.trouble.replaceChildren();
  };
  const failed = (error) => show(view.trouble, problem(error));
  poll(look, LOOK, signal, failed);
  look().catch((error) => error.name === "AbortError" || failed(error));
}

/** Make what stays while its contents change: what somebody types in must not go. */
function skeleton(node, state, tab) {
  const view = {
    state: el("span"),
    trouble: el("div", { "aria-live": "polite" }),
    reason: el("div"),
    versions: el("div"),
    traffic: el("div"),
    settings: el("div"),
    events: el("div"),
    facts: el("dl.facts"),
    log: logPanel(state),
    tryIt: tryPanel(state),
  };
  const chosen = (name) => {
    view.log.isOpen = name === "log";
    if (view.log.isOpen) view.log.look().catch(() => {});
    if (name === "try") view.tryIt.open();
    note(page.service(state.workspace, state.id, name === "requests" ? "" : name));
  };
  const tabs = tabList(
    "Parts of the service",
    [
      { id: "requests", title: "Requests", panel: view.traffic },
      { id: "try", title: "Try it", panel: view.tryIt },
      { id: "log", title: "Log", panel: view.log },
      { id: "settings", title: "Settings", panel: view.settings },
      { id: "events", title: "Events", panel: view.events },
    ],
    tab,
    chosen,
  );
  show(
    node,
    el("div.title", {}, el("h1", { tabindex: -1 }, state.id), view.state),
    view.trouble,
    view.reason,
    el(
      "div.columns",
      {},
      el("div", {}, view.versions, tabs.node),
      el("aside.aside", { "aria-label": "Facts" }, view.facts),
    ),
  );
  if (tabs.current !== "requests") chosen(tabs.current);
  return view;
}

function draw(view, state) {
  const { service: record, events } = state.value;
  if (view.shown && view.shown !== record.state) announce(`The service is now ${words(record.state).toLowerCase()}.`);
  view.shown = record.state;
  show(view.state, badge(record.state));
  show(view.reason, reason(record));
  show(view.versions, versionTable(state));
  show(view.traffic, trafficPanel(state));
  show(view.settings, settingsPanel(state.value));
  show(view.events, eventsPanel({ events }));
  show(view.facts, ...serviceFacts(state));
}

function reason({ state, reason: said, error_code: code }) {
  if (!said) return null;
  const [first, ...rest] = said.split("\n");
  return el(
    state === "Failed" || state === "Unhealthy" ? "div.problem" : "div.notice",
    {},
    el("p", {}, first, code ? el("code", {}, code) : null),
    rest.length ? el("pre", { tabindex: 0, role: "region", "aria-label": "More of the reason", "data-key": "reason" }, rest.join("\n")) : null,
  );
}
