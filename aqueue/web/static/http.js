/**
 * Requests to the API. Errors are problem documents (RFC 9457), and become a Problem with their sentence.
 * @module
 */

import { learn } from "./now.js";

/** What went wrong, in a sentence. `status` is 0 when there was no answer at all. */
export class Problem extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

/** Called when the server wants a login. */
let onLogin = () => {};

/** Say what is to be done when the server wants a login. */
export function whenLoginIsWanted(callback) {
  onLogin = callback;
}

/**
 * Read a document.
 * @param {string} path
 * @param {AbortSignal} [signal]
 * @throws {Problem}
 */
export function get(path, signal) {
  return ask(path, { signal });
}

/**
 * Send a request that changes something.
 * @param {"POST"|"PUT"|"PATCH"|"DELETE"} method
 * @param {string} path
 * @param {*} [body] sent as JSON
 * @returns the document that comes back, null if there is none
 * @throws {Problem}
 */
export function send(method, path, body = {}) {
  return ask(path, { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
}

async function ask(path, options) {
  const answer = await fetch(path, { credentials: "same-origin", ...options }).catch((error) => {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "The server does not answer.");
  });
  learn(answer.headers.get("date"));
  if (answer.ok) return answer.status === 204 ? null : answer.json();
  if (answer.status === 401 && path !== "/api/session") onLogin();
  throw await problemOf(answer);
}

async function problemOf(answer) {
  const document = await answer.json().catch(() => ({}));
  const detail = typeof document.detail === "string" ? document.detail : document.title;
  return new Problem(answer.status, detail || `The server answered ${answer.status}.`);
}

/** The path of a job in the API. */
export function jobPath(id, rest = "") {
  return `/api/jobs/${encodeURIComponent(id)}${rest}`;
}

/** A query of what is not empty: `?state=dead`, or nothing. */
export function queryOf(values) {
  const query = new URLSearchParams(Object.entries(values).filter(([, value]) => value !== "" && value != null));
  return query.size ? `?${query}` : "";
}
