// Light, dark, or as the system has it.

import { announce, el } from "../dom.js";
import { icon } from "./icons.js";

const ORDER = ["system", "light", "dark"];
const PICTURES = { system: "system", light: "sun", dark: "moon" };

class ThemeSwitch extends HTMLElement {
  connectedCallback() {
    this.button = el("button.quiet", { type: "button", on: { click: () => this.next() } });
    this.replaceChildren(this.button);
    this.update();
  }

  get theme() {
    return document.documentElement.dataset.theme ?? "system";
  }

  next() {
    const theme = ORDER[(ORDER.indexOf(this.theme) + 1) % ORDER.length];
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    try {
      localStorage.setItem("aml.theme", theme);
    } catch {
      // It holds until the page is left.
    }
    this.update();
    announce(`Theme: ${theme}`);
  }

  update() {
    const label = `Theme: ${this.theme}. Change it.`;
    this.button.setAttribute("aria-label", label);
    this.button.setAttribute("title", label);
    this.button.replaceChildren(icon(PICTURES[this.theme]));
  }
}
customElements.define("theme-switch", ThemeSwitch);
