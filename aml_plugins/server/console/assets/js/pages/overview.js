// A workspace at a glance: what runs, what ran, and on what.

import { Reader, read } from "../api.js";
import { announce, el, problem, show } from "../dom.js";
import { count } from "../format.js";
import { data, page } from "../places.js";
import { poll } from "../polling.js";
import { note } from "../router.js";
import { filterBar } from "./overview-filter.js";
import { datastoreList, goesOn, imageList, serviceList, targetCards, taskList } from "./overview-lists.js";
import { runRows, runTable } from "./run-table.js";

const FILTERS = ["text", "state", "experiment", "target"];

export async function overview(node, { workspace, query }, { signal, titled, ready }) {
  const wanted = Object.fromEntries(FILTERS.map((name) => [name, query.get(name) ?? ""]));
  const state = { workspace, wanted, reader: null, further: [], token: null };
  titled(workspace);

  let view = null;
  const load = async () => {
    state.reader ??= new Reader(data(["workspaces", workspace, "overview"], state.wanted));
    const reader = state.reader;
    const value = await reader.read(signal);
    if (value && reader === state.reader) draw(view, state, value);
    view.trouble.replaceChildren();
  };
  const change = async (name, text) => {
    Object.assign(state, { wanted: { ...state.wanted, [name]: text }, reader: null, further: [] });
    note(
      page.workspace(
        workspace,
        new URLSearchParams(Object.entries(state.wanted).filter(([, value]) => value)).toString(),
      ),
    );
    try {
      await load();
      announce(`${view.rows.childElementCount ? count(view.rows.childElementCount, "run") : "No run"} shown`);
    } catch (error) {
      if (error.name !== "AbortError") show(view.trouble, problem(error));
    }
  };
  view = skeleton(workspace, filterBar(wanted, change));
  view.more.addEventListener("click", () => further(view, state, signal));

  await load();
  show(node, ...view.all);
  ready();
  poll(load, 3000, signal, (error) => show(view.trouble, problem(error)));
}

/** Make what stays while its contents change. */
function skeleton(workspace, filters) {
  const view = {
    trouble: el("div", { "aria-live": "polite" }),
    tasks: el("div"),
    targets: el("ul.cards.narrow"),
    datastores: el("ul.plain"),
    services: el("ul.plain"),
    images: el("ul.plain"),
    moreTargets: el("div"),
    moreDatastores: el("div"),
    moreServices: el("div"),
    moreImages: el("div"),
    rows: el("tbody"),
    more: el("button", { type: "button", hidden: true }, "Show more"),
    none: el("p.empty", { hidden: true }, "No run."),
    filters,
  };
  view.table = runTable(view.rows);
  const part = (id, title, ...children) => el("section", { "aria-labelledby": id }, el("h2", { id }, title), children);
  // What not every workspace has is shown where there is some.
  view.withServices = part("services", "Services", view.services, view.moreServices);
  view.withImages = part("images", "Images", view.images, view.moreImages);
  view.withServices.hidden = view.withImages.hidden = true;
  const main = [
    part("under-way", "Under way", view.tasks),
    part("runs", "Runs", filters, view.table, view.none, view.more),
  ];
  const beside = [
    part("targets", "Compute targets", view.targets, view.moreTargets),
    view.withServices,
    view.withImages,
    part("datastores", "Datastores", view.datastores, view.moreDatastores),
  ];
  view.all = [
    el("h1", { tabindex: -1 }, workspace),
    view.trouble,
    el("div.columns", {}, el("div", {}, main), el("div.aside", {}, beside)),
  ];
  return view;
}

function draw(view, state, value) {
  const { more } = value;
  show(view.tasks, taskList(state.workspace, value.tasks), goesOn(more.tasks, "aml task list --active"));
  show(view.targets, ...targetCards(state.workspace, value.targets));
  show(view.moreTargets, goesOn(more.targets, "aml compute list"));
  show(view.datastores, ...datastoreList(value.datastores));
  show(view.moreDatastores, goesOn(more.datastores, "aml datastore list"));
  view.withServices.hidden = !value.services.length;
  show(view.services, ...serviceList(state.workspace, value.services));
  show(view.moreServices, goesOn(more.services, "aml service list"));
  view.withImages.hidden = !value.images.length;
  show(view.images, ...imageList(state.workspace, value.images));
  show(view.moreImages, goesOn(more.images, "aml image list"));
  view.filters.update(value.choices);
  if (!state.further.length) state.token = value.runs.next_page_token;
  show(view.rows, ...runRows(state.workspace, value.runs.items), ...runRows(state.workspace, state.further));
  finish(view, state);
}

function finish(view, state) {
  const none = !view.rows.childElementCount;
  const filtered = Object.values(state.wanted).some(Boolean);
  view.table.hidden = none;
  view.none.hidden = !none;
  view.none.textContent = filtered ? "No run passes this filter." : "No run yet. Submit one with: aml run submit";
  view.more.hidden = !state.token;
}

/** Bring the runs before those that are shown. */
async function further(view, state, signal) {
  view.more.disabled = true;
  try {
    const address = data(["workspaces", state.workspace, "runs"], { ...state.wanted, page_token: state.token });
    const { items, next_page_token: token } = await read(address, signal);
    const first = view.rows.childElementCount;
    state.further.push(...items);
    state.token = token;
    view.rows.append(...runRows(state.workspace, items));
    finish(view, state);
    view.rows.children[first]?.querySelector("a")?.focus();
    announce(`${count(items.length, "further run")} shown`);
  } catch (error) {
    if (error.name !== "AbortError") show(view.trouble, problem(error));
  } finally {
    view.more.disabled = false;
  }
}
