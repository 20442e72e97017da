// Tabs after the pattern that screen readers know: arrows move, the panel follows.

import { el } from "../dom.js";

/**
 * Make tabs.
 * @param {string} label - what the tabs are about.
 * @param {Array} tabs - `{id, title, count, panel}`; a panel is an element.
 * @param {string} chosen - the id of the first one shown.
 * @param {Function} changed - gets the id of a tab that was chosen.
 */
export function tabList(label, tabs, chosen, changed) {
  const current = tabs.some((tab) => tab.id === chosen) ? chosen : tabs[0].id;
  const buttons = tabs.map((tab) =>
    el(
      "button.tab",
      {
        type: "button",
        role: "tab",
        id: `tab-${tab.id}`,
        "aria-controls": `panel-${tab.id}`,
        on: { click: () => choose(tab.id), keydown: (event) => move(event, tab.id) },
      },
      tab.title,
      tab.count ? el("span.count", {}, tab.count) : null,
    ),
  );
  for (const tab of tabs) {
    tab.panel.id = `panel-${tab.id}`;
    tab.panel.setAttribute("role", "tabpanel");
    tab.panel.setAttribute("aria-labelledby", `tab-${tab.id}`);
  }
  const select = (id) => {
    tabs.forEach((tab, index) => {
      const on = tab.id === id;
      buttons[index].setAttribute("aria-selected", String(on));
      buttons[index].tabIndex = on ? 0 : -1;
      tab.panel.hidden = !on;
    });
  };
  const choose = (id) => {
    select(id);
    changed(id);
  };
  const move = (event, id) => {
    const index = tabs.findIndex((tab) => tab.id === id);
    const steps = { ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: tabs.length - 1 };
    if (!(event.key in steps)) return;
    event.preventDefault();
    const target = (steps[event.key] + tabs.length) % tabs.length;
    choose(tabs[target].id);
    buttons[target].focus();
  };
  select(current);
  const node = el(
    "div.tabs",
    {},
    el("div.tab-bar", { role: "tablist", "aria-label": label }, buttons),
    tabs.map((tab) => tab.panel),
  );
  return { node, current, choose };
}
