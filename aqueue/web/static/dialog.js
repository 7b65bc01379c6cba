/**
 * Questions before something is done. The browser's own dialog keeps the focus inside, and Escape means no.
 * @module
 */

import { h } from "./dom.js";

/**
 * Ask; resolves to whether the answer was yes.
 * @param {{title: string, text: *, yes: string, danger?: boolean}} question
 * @returns {Promise<boolean>}
 */
export function ask({ title, text, yes, danger = false }) {
  const no = h("button", { value: "no" }, "Keep as it is");
  const go = h(danger ? "button.danger" : "button.primary", { value: "yes" }, yes);
  const form = h(
    "form",
    { method: "dialog" },
    h("h2", { id: "question" }, title),
    h("div.said", text),
    h("div.answers", no, go),
  );
  return open(h("dialog.question", { "aria-labelledby": "question" }, form), danger ? no : go);
}

/**
 * Ask for some values; resolves to them by the names of their fields, or null.
 * @param {{title: string, fields: *, yes: string}} question
 * @returns {Promise<Object<string, string>|null>}
 */
export async function askFor({ title, fields, yes }) {
  const no = h("button", { value: "no", formnovalidate: true }, "Keep as it is");
  const go = h("button.primary", { value: "yes" }, yes);
  const form = h("form", { method: "dialog" }, h("h2", { id: "question" }, title), fields, h("div.answers", no, go));
  // Enter in a field means the first button of a form, which is the no.
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.target.tagName !== "INPUT") return;
    event.preventDefault();
    go.click();
  });
  const first = form.querySelector("input");
  return (await open(h("dialog.question", { "aria-labelledby": "question" }, form), first))
    ? Object.fromEntries(new FormData(form))
    : null;
}

function open(dialog, first) {
  const before = document.activeElement;
  document.body.append(dialog);
  dialog.showModal();
  first.focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      if (before?.isConnected) before.focus();
      resolve(dialog.returnValue === "yes");
    });
  });
}
