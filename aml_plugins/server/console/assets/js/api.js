// Requests to our own server. What has not changed since is neither sent nor shown again.

import { setClock } from "./format.js";

/** A refusal in the server's words. */
export class Refusal extends Error {
  constructor(status, message, fix = "") {
    super(message);
    this.status = status;
    this.fix = fix;
  }
}

/** Reads one address again and again; `read` returns null where nothing changed. */
export class Reader {
  #etag = null;

  constructor(address) {
    this.address = address;
  }

  async read(signal) {
    const headers = this.#etag ? { "If-None-Match": this.#etag } : {};
    const response = await send(this.address, { headers, signal, cache: "no-store" });
    if (response.status === 304) return null;
    const value = await response.json();
    this.#etag = response.headers.get("ETag");
    return value;
  }
}

/** Read an address once. */
export async function read(address, signal) {
  return (await send(address, { signal, cache: "no-cache" })).json();
}

/** Ask for a change. Another site's page cannot send this header in a visitor's name. */
export async function change(address, value = {}) {
  const headers = { "Content-Type": "application/json", "X-AML-Request": "1" };
  return (await send(address, { method: "POST", headers, body: JSON.stringify(value) })).json();
}

async function send(address, options) {
  let response;
  try {
    response = await fetch(address, { credentials: "same-origin", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal(0, "The server does not answer.", "This page tries again by itself.");
  }
  setClock(response.headers.get("Date"));
  if (!response.ok && response.status !== 304) throw await refusal(response);
  return response;
}

async function refusal(response) {
  try {
    const said = await response.json();
    return new Refusal(response.status, String(said.message ?? response.statusText), String(said.fix ?? ""));
  } catch {
    return new Refusal(response.status, `The server answered with status ${response.status}.`, "Load the page again.");
  }
}
