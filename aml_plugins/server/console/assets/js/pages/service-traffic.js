// How a service answers: what it counted so far, and how that moves while the page is open.

import { quantile, since, sum } from "../counts.js";
import { el } from "../dom.js";
import { movingChart } from "../elements/moving-chart.js";
import { count, number } from "../format.js";
import { precise } from "./service-versions.js";

const KEPT = 200; // looks, some ten minutes

/** The looks that this page took. */
export class Traffic {
  #looks = [];
  canCount = null;
  versions = new Map();

  /** Take one look; nothing where nothing changed since. */
  take(value) {
    if (value) {
      this.canCount = value.can_count;
      const before = this.versions;
      this.versions = new Map(value.versions.map(({ key, counted }) => [key, counted]));
      this.between = sum([...this.versions].map(([key, now]) => now && since(before.get(key), now)));
    } else if (this.between) {
      this.between = sum([...this.versions.values()].map((now) => now && since(now, now)));
    }
    const now = performance.now() / 1000;
    const first = !this.#looks.length;
    this.#looks.push({ time: now, between: first ? null : this.between, passed: first ? 0 : now - this.#looks.at(-1).time });
    if (this.#looks.length > KEPT) this.#looks.shift();
  }

  /** What one version counted. */
  of(key) {
    return this.versions.get(key) ?? null;
  }

  /** What all versions counted. */
  get total() {
    return sum([...this.versions.values()]);
  }

  /** One figure over time. */
  figure(of) {
    return this.#looks
      .filter((look) => look.passed > 0)
      .map(({ time, between, passed }) => [time, between ? of(between, passed) : null]);
  }
}

/** Draw what is known. */
export function trafficPanel({ traffic, value }) {
  if (traffic.canCount === null) return el("p.empty", {}, "Looking …");
  if (!value.is_within_reach)
    return el("p.empty", {}, "This server cannot see the service: another machine drives it, or its plugin is missing here.");
  if (!traffic.canCount) return el("p.empty", {}, `Services of the type ${value.service.type} do not tell what they count.`);
  const total = traffic.total;
  if (!total)
    return el("p.empty", {}, "No version tells what it counted. Images count where prometheus-client is installed in them.");
  const rate = (of) => traffic.figure((between, passed) => of(between) / passed);
  const time = (share) => traffic.figure((between) => quantile(between, share));
  const perSecond = (value_) => `${number(Number(value_.toPrecision(3)))}/s`;
  return [
    el(
      "p",
      {},
      `${count(total.requests, "request")} since the versions started, `,
      `${count(total.client_errors, "refused request")} (4xx), ${count(total.server_errors, "failed request")} (5xx).`,
    ),
    el(
      "div.charts.two",
      {},
      movingChart("Requests", rate((between) => between.requests), perSecond),
      movingChart("Errors", rate((between) => between.client_errors + between.server_errors), perSecond),
      movingChart("Median time of an answer", time(0.5), precise),
      movingChart("95 % of answers within", time(0.95), precise),
    ),
    el("p.dim", {}, "Counted by the scoring servers, health probes left out. The lines begin when this page was opened."),
  ];
}
