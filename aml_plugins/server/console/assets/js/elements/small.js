// Small things that many pages show: a state, a moment, a progress.

import { el } from "../dom.js";
import { ago, duration, moment, now } from "../format.js";
import { icon } from "./icons.js";

const WORDS = { NotStarted: "Not started", CancelRequested: "Cancel requested" };
const ENDED = new Set(["Completed", "Failed", "Canceled"]);

/** Whether a run or task in this state has ended. */
export const ended = (state) => ENDED.has(state);

/** The words for a state. */
export const words = (state) => WORDS[state] ?? state;

/** A state as a badge: a word, a picture and a colour, each of which would do alone. */
export function badge(state) {
  const known = /^[A-Za-z]+$/.test(state) ? state : "NotStarted";
  return el("span.badge", { "data-state": known }, icon(known), words(state));
}

/** A moment as an age that stays true; the exact moment is in its title. */
class TimeAgo extends HTMLElement {
  connectedCallback() {
    this.update();
    this.timer = setInterval(() => this.update(), 20_000);
  }

  disconnectedCallback() {
    clearInterval(this.timer);
  }

  update() {
    const seconds = Number(this.getAttribute("seconds"));
    const text = ago(seconds);
    if (this.textContent === text) return;
    this.replaceChildren(
      el("time", { datetime: new Date(seconds * 1000).toISOString(), title: moment(seconds) }, text),
    );
  }
}
customElements.define("time-ago", TimeAgo);

/** An age, or a dash. */
export const age = (seconds) => (seconds ? el("time-ago", { seconds }) : "–");

/** A duration that goes on while there is no end. */
class RunningTime extends HTMLElement {
  connectedCallback() {
    this.update();
    if (!this.hasAttribute("until")) this.timer = setInterval(() => this.update(), 1000);
  }

  disconnectedCallback() {
    clearInterval(this.timer);
  }

  update() {
    const until = this.hasAttribute("until") ? Number(this.getAttribute("until")) : now();
    this.textContent = duration(until - Number(this.getAttribute("since")));
  }
}
customElements.define("running-time", RunningTime);

/** How long something took, or takes up to now. */
export function took(since, until, over) {
  if (!since || (over && !until)) return "–";
  return el("running-time", { since, until: until ?? null });
}

/** A progress bar with words for readers; without a number it says that something goes on. */
export function progress(value, label) {
  const known = typeof value === "number";
  return el("progress", { max: 1, value: known ? Math.max(0, Math.min(1, value)) : null, "aria-label": label });
}
