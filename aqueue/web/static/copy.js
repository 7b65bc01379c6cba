/**
 * Copying a text to the clipboard, also where the browser has no clipboard for pages that came without encryption.
 * @module
 */

import { h, say } from "./dom.js";
import { icon } from "./icons.js";

const SAID_FOR = 2000;

/** A button that copies a text. */
export function copyButton(textOf, label) {
  const word = h("span", { role: "status" }, "Copy");
  const element = h("button.small.copy", { type: "button", title: label }, icon("copy"), word);
  element.addEventListener("click", async () => {
    say(word, (await copy(textOf())) ? "Copied" : "Not copied");
    setTimeout(() => say(word, "Copy"), SAID_FOR);
  });
  return element;
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyByHand(text);
  }
}

function copyByHand(text) {
  const field = h("textarea.unseen", { "aria-hidden": "true" });
  field.value = text;
  document.body.append(field);
  const before = document.activeElement;
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  before?.focus();
  return done;
}
