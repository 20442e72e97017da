// The versions of a service: what each is made of, its share of the requests, and what it counted.

import { quantile } from "../counts.js";
import { el } from "../dom.js";
import { age } from "../elements/small.js";
import { duration, number } from "../format.js";

const HEAD = [
  ["Image"],
  ["Share of requests"],
  ["Replicas", "middle"],
  ["Since", "middle"],
  ["Requests"],
  ["Errors"],
  ["Median", "wide"],
  ["95 %", "wide"],
];

/** Draw the table. */
export function versionTable({ value: { versions, service }, traffic }) {
  if (!versions.length)
    return el("p.empty", {}, service.state === "Failed" ? "No version serves." : "No version is there yet.");
  return el(
    "table.runs.versions",
    {},
    el("caption", {}, "Versions"),
    el(
      "thead",
      {},
      el(
        "tr",
        {},
        HEAD.map(([text, room]) => el("th", { scope: "col", "data-room": room ?? null }, text)),
      ),
    ),
    el(
      "tbody",
      {},
      versions.map((version) => row(version, traffic.of(version.key))),
    ),
  );
}

function row({ image, weight, replicas, started_at: started, was_ready: ready, models }, counted) {
  const share = Number(weight) || 0;
  return el(
    "tr",
    {},
    el(
      "th",
      { scope: "row" },
      el("strong", {}, image),
      models.length ? el("span.dim", {}, models.join(", ")) : null,
      ready ? null : el("span.dim", {}, "is being started"),
    ),
    el(
      "td",
      {},
      el("meter", { min: 0, max: 100, value: share, "aria-label": `Share of requests of ${image}` }),
      ` ${share} %`,
    ),
    el("td", { "data-room": "middle" }, String(replicas ?? "–")),
    el("td", { "data-room": "middle" }, age(started)),
    el("td", {}, counted ? number(counted.requests) : "–"),
    el("td", {}, counted ? number(counted.client_errors + counted.server_errors) : "–"),
    el("td", { "data-room": "wide" }, time(counted, 0.5)),
    el("td", { "data-room": "wide" }, time(counted, 0.95)),
  );
}

function time(counted, share) {
  const seconds = counted ? quantile(counted, share) : null;
  return seconds === null ? "–" : precise(seconds);
}

/** "1.3 ms", "2.1 s". */
export const precise = (seconds) =>
  seconds < 0.1 ? `${Number((seconds * 1000).toPrecision(2))} ms` : duration(seconds);
