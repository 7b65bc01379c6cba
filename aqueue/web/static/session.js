/**
 * What this browser may do here, as the server says. The pages only leave out what would be refused.
 * @module
 */

import { get, send } from "./http.js";

/** @type {{login: boolean, token: boolean, may_enqueue: boolean, may_change: boolean, read_only: boolean, version: string}} */
export const session = {
  login: false,
  token: false,
  may_enqueue: false,
  may_change: false,
  read_only: false,
  version: "",
};

/** Ask the server. */
export async function readSession() {
  return Object.assign(session, await get("/api/session"));
}

/** Log in with a token; throws the Problem of a wrong one. The server answers with a cookie that no script can read. */
export async function logIn(token) {
  await send("POST", "/api/session", { token });
  await readSession();
}

/** Forget the login. */
export async function logOut() {
  await send("DELETE", "/api/session");
}
