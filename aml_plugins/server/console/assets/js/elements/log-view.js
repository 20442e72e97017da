// A growing log: the last lines of it, with what terminals do to lines (carriage returns, colours) undone.

import { announce, el } from "../dom.js";
import { icon } from "./icons.js";

const MOST_LINES = 5000;
const ANEW = "The machine was lost, and the compute target began the run again. Its log from the beginning:";
const LONGEST_LINE = 20_000;
// Colours and cursor movements of terminals, and the bell.
const ESCAPES =
  /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])|[\u0000-\u0008\u000b\u000c\u000e-\u001a\u001c-\u001f]/g;

class LogView extends HTMLElement {
  #open = ""; // what came of the last line
  #openNode = null;
  #attempt = null;
  #generation = 0;
  #count = 0;
  #waiting = [];
  #frame = 0;

  connectedCallback() {
    if (this.lines) return;
    this.lines = el("div.lines", { role: "log", "aria-live": "off", "aria-label": "Log of the run", tabindex: 0 });
    this.lines.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.follow = el("input", { type: "checkbox", checked: true, on: { change: () => this.#toBottom() } });
    const wrap = el("input", {
      type: "checkbox",
      on: { change: () => this.lines.classList.toggle("wrapped", wrap.checked) },
    });
    const say = el("input", {
      type: "checkbox",
      on: { change: () => this.lines.setAttribute("aria-live", say.checked ? "polite" : "off") },
    });
    this.state = el("span.log-state", { role: "status" });
    this.left = el("p.left-out", { hidden: true }, "Earlier lines are left out here; the download has them all.");
    this.replaceChildren(
      el(
        "div.log-bar",
        {},
        this.state,
        el("label", {}, this.follow, "Follow"),
        el("label", {}, wrap, "Wrap lines"),
        el("label", {}, say, "Read new lines aloud"),
        el("a.button", { href: this.getAttribute("download"), download: "" }, icon("down"), "Download"),
      ),
      this.left,
      this.lines,
    );
    this.say("Connecting …");
  }

  disconnectedCallback() {
    cancelAnimationFrame(this.#frame);
  }

  /** Say how the log's stream is. */
  say(text) {
    if (this.state.textContent !== text) this.state.textContent = text;
  }

  /** Say so where there is nothing to show. */
  finish() {
    this.#draw();
    if (!this.#count) this.lines.replaceChildren(el("p.empty", {}, "The run has no log."));
  }

  /** Take a piece of the log. */
  add({ attempt, generation, start, text }) {
    const isAnew = this.#attempt === attempt && this.#generation !== generation;
    if (isAnew || this.#attempt !== attempt) {
      this.#clear();
      if (this.#attempt !== null) announce(isAnew ? ANEW : `Attempt ${attempt} has begun.`);
      if (isAnew) this.lines.append(el("p.empty", {}, ANEW));
      this.#attempt = attempt;
      this.#generation = generation;
      this.left.hidden = start === 0;
    }
    this.#waiting.push(text);
    this.#frame ||= requestAnimationFrame(() => this.#draw());
  }

  #clear() {
    this.lines.replaceChildren();
    this.#open = "";
    this.#openNode = null;
    this.#count = 0;
    this.#waiting = [];
  }

  #draw() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    if (!this.#waiting.length) return;
    const parts = (this.#open + this.#waiting.join("")).split("\n");
    this.#waiting = [];
    this.#open = parts.pop().slice(-LONGEST_LINE);
    const added = parts.slice(-MOST_LINES).map((line, index) => this.#line(line, index === 0));
    if (parts.length > MOST_LINES) this.left.hidden = false;
    this.lines.append(...added.filter(Boolean));
    this.#showOpen();
    this.#trim();
    this.#toBottom();
  }

  /** Return a line's element; the first one may go on where an unfinished line stands. */
  #line(text, first) {
    const shown = this.#plain(text);
    if (first && this.#openNode) {
      this.#openNode.textContent = `${shown}\n`;
      this.#openNode = null;
      return null;
    }
    this.#count += 1;
    return el("span.line", {}, `${shown}\n`);
  }

  #showOpen() {
    const shown = this.#plain(this.#open);
    if (!shown) return;
    if (!this.#openNode) {
      this.#openNode = el("span.line");
      this.lines.append(this.#openNode);
      this.#count += 1;
    }
    this.#openNode.textContent = shown;
  }

  /** What a terminal would show: the text after the last return to the line's beginning. */
  #plain(text) {
    const line = text.endsWith("\r") ? text.slice(0, -1) : text;
    const shown = line.slice(line.lastIndexOf("\r") + 1).replace(ESCAPES, "");
    return shown.length > LONGEST_LINE ? `${shown.slice(0, LONGEST_LINE)} …` : shown;
  }

  #trim() {
    const many = this.lines.childElementCount - MOST_LINES;
    if (many <= 0) return;
    for (let index = 0; index < many; index += 1) this.lines.firstElementChild.remove();
    this.left.hidden = false;
  }

  #scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.lines;
    const bottom = scrollHeight - scrollTop - clientHeight < 24;
    if (this.follow.checked !== bottom) this.follow.checked = bottom;
  }

  #toBottom() {
    if (this.follow.checked) this.lines.scrollTop = this.lines.scrollHeight;
  }
}
customElements.define("log-view", LogView);
