/**
 * Login: the token goes to the server once, which answers with a cookie.
 * @module
 */

import { h, reveal, say } from "./dom.js";
import { logIn, session } from "./session.js";

/** @returns {Promise<import("./router.js").Page>} */
export async function openLogin({ query }) {
  const wrong = h("p.wrong", { id: "wrong", role: "alert", hidden: true });
  const token = h("input", {
    id: "token",
    name: "token",
    type: "password",
    autocomplete: "current-password",
    required: true,
    "aria-describedby": "wrong hint",
  });
  const button = h("button.primary", "Log in");
  const form = h(
    "form.card.login",
    h("label", { for: "token" }, "Token"),
    token,
    h("p.hint", { id: "hint" }, "What the server was started with as AQUEUE_TOKEN."),
    wrong,
    button,
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      await logIn(token.value);
      location.replace(ownAddress(query.get("next")));
    } catch (error) {
      reveal(say(wrong, error.status === 401 ? "That is not the token." : error.message), true);
      button.disabled = false;
      token.select();
    }
  });
  const needless = !session.login && h("p", "No login is wanted here. ", h("a", { href: "/" }, "Overview"));
  const brand = h("img", { src: "/static/icon.svg", alt: "", width: 40, height: 40 });
  return { title: "Log in", element: h("section.login-page", brand, h("h1", "aqueue"), needless || form) };
}

/** Where to go afterwards: an address of this server, whatever is asked for. */
function ownAddress(wanted) {
  const url = new URL(wanted || "/", location.origin);
  return url.origin === location.origin && url.pathname !== "/login" ? url.pathname + url.search : "/";
}
