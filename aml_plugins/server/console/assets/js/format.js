// Moments, durations, sizes and numbers for people.

let skew = 0; // seconds by which the server's clock is ahead of ours

/** Learn the server's time from a response's Date header. */
export function setClock(date) {
  const told = Date.parse(date ?? "") / 1000;
  // The header has whole seconds; small differences are none.
  if (Number.isFinite(told) && Math.abs(told - Date.now() / 1000) > 2) skew = told - Date.now() / 1000;
}

/** The time on the server, in seconds. */
export const now = () => Date.now() / 1000 + skew;

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "long" });
const STEPS = [
  [60, "second", 1],
  [3600, "minute", 60],
  [86400, "hour", 3600],
  [86400 * 30, "day", 86400],
  [86400 * 365, "month", 86400 * 30],
  [Infinity, "year", 86400 * 365],
];

/** "3 minutes ago". */
export function ago(seconds) {
  const age = Math.max(0, now() - seconds);
  if (age < 10) return "just now";
  const [, unit, size] = STEPS.find(([limit]) => age < limit);
  return relative.format(-Math.floor(age / size), unit);
}

/** "27 Nov 2026, 03:14:15". */
export function moment(seconds) {
  return new Date(seconds * 1000).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "medium" });
}

/** "03:14:15". */
export function clock(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString("en-GB");
}

/** "1 h 4 min", "12.3 s". */
export function duration(seconds) {
  if (seconds < 0) return "0 s";
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86400)} d ${Math.floor((seconds % 86400) / 3600)} h`;
}

/** "1.2 MB". */
export function size(bytes) {
  if (bytes === null || bytes === undefined) return "";
  if (bytes < 1000) return `${bytes} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = -1;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** A metric's value with as many digits as say something. */
export function number(value) {
  if (typeof value !== "number") return String(value);
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return value.toLocaleString("en-US");
  const far = Math.abs(value) >= 1e6 || Math.abs(value) < 1e-4;
  return far ? value.toExponential(3) : String(Number(value.toPrecision(6)));
}

/** "1 run", "2 runs". */
export const count = (many, word) => `${many.toLocaleString("en-US")} ${word}${many === 1 ? "" : "s"}`;

/** The first digits of an id, which are enough for people. */
export const short = (id) => id.slice(0, 8);
