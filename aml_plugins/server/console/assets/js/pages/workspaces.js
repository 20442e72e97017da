// Which workspace?

import { Reader } from "../api.js";
import { el, show } from "../dom.js";
import { count } from "../format.js";
import { data, page } from "../places.js";
import { poll } from "../polling.js";

export async function workspaces(node, _, { signal, titled, ready }) {
  const reader = new Reader(data(["workspaces"]));
  const draw = (value) => value && show(node, ...content(value));
  titled("");
  draw(await reader.read(signal));
  ready();
  poll(
    async () => draw(await reader.read(signal)),
    5000,
    signal,
    () => {},
  );
}

function content({ workspaces: all }) {
  return [
    el("h1", { tabindex: -1 }, "Workspaces"),
    all.length
      ? el("ul.cards", {}, all.map(card))
      : el("p.empty", {}, "No workspace is open to you. Ask an owner of one for a role."),
  ];
}

function card({ name, role, active_runs: active }) {
  return el(
    "li.card.linked",
    {},
    el("h2", {}, el("a", { href: page.workspace(name), "data-key": name }, name)),
    el("p", {}, active ? `${count(active, "run")} under way` : "Nothing under way"),
    el("p.dim", {}, `You are ${role}.`),
  );
}
