/**
 * Enqueue: a form for one job, or for one a line. It can begin as a job that there is: edit and enqueue again.
 * @module
 */

import { h, put, reveal, say } from "./dom.js";
import { fieldsOf, FIELDS, jobOf } from "./job-form.js";
import { get, jobPath, send } from "./http.js";
import { jobLink } from "./job-row.js";
import { session } from "./session.js";

/** @returns {Promise<import("./router.js").Page>} */
export async function openEnqueue({ query, signal, go }) {
  if (!session.may_enqueue) return refusal();
  const like = query.get("like");
  const model = like ? await get(jobPath(like), signal) : null;
  return new EnqueuePage(model, go);
}

function refusal() {
  const reason = session.read_only
    ? "This dashboard only shows."
    : "Enqueuing is running commands, so it is allowed only where the server has a token (AQUEUE_TOKEN) and you are logged in.";
  const hint = h("p", "On the machine itself: ", h("code", "aqueue enqueue 'COMMAND'"));
  return {
    title: "Enqueue",
    element: h("section.page", h("div.title", h("h1", "Enqueue")), h("div.empty", h("p", reason), hint)),
  };
}

class EnqueuePage {
  title = "Enqueue";

  constructor(model, go) {
    this.go = go;
    this.command = h("textarea.shell", {
      id: "command",
      name: "command",
      rows: 4,
      required: true,
      spellcheck: "false",
      autofocus: true,
      "aria-describedby": "command-hint",
    });
    this.each = h("input", { type: "checkbox", name: "each" });
    this.wrong = h("p.wrong", { role: "alert", hidden: true });
    this.done = h("div.notice-line", { role: "status" });
    this.submit = h("button.primary", "Enqueue");
    this.form = h(
      "form.enqueue",
      this.#main(),
      this.#options(model),
      this.wrong,
      h("div.answers", this.submit, this.done),
    );
    this.form.addEventListener("submit", (event) => this.#send(event));
    this.form.addEventListener(
      "keydown",
      (event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && this.form.requestSubmit(),
    );
    this.element = h("section.page", h("div.title", h("h1", "Enqueue")), model && this.#origin(model), this.form);
    if (model) this.#fill(model);
  }

  #main() {
    return h(
      "div.card",
      h("label", { for: "command" }, "Command"),
      this.command,
      h(
        "p.hint",
        { id: "command-hint" },
        "A line for the shell, run by a worker as its own user. Ctrl+Enter enqueues it.",
      ),
      h("label.check", this.each, "A job for each line"),
    );
  }

  #options(model) {
    const groups = FIELDS.map(({ title, open, fields }) =>
      h("fieldset", { class: open ? "open" : null }, h("legend", title), h("div.fields", fields.map(control))),
    );
    return h(
      "div.card.options",
      groups,
      model?.env.length > 0 &&
        h(
          "p.hint",
          "The values of its environment are not shown here, so they are not copied: ",
          model.env.map((name, index) => [index > 0 && ", ", h("code", name)]),
          ".",
        ),
    );
  }

  #origin(model) {
    return h("p.hint", "As job ", jobLink(model.id), " was enqueued; it stays as it is.");
  }

  #fill(model) {
    this.command.value = model.command;
    this.command.rows = Math.min(14, Math.max(4, model.command.split("\n").length + 1));
    for (const [name, value] of Object.entries(fieldsOf(model))) this.form.elements.namedItem(name).value = value;
  }

  async #send(event) {
    event.preventDefault();
    this.submit.disabled = true;
    reveal(this.wrong, false);
    try {
      this.#tell(await send("POST", "/api/jobs", this.#wanted()));
    } catch (error) {
      reveal(say(this.wrong, error.message), true);
    }
    this.submit.disabled = false;
  }

  #wanted() {
    const options = jobOf(new FormData(this.form));
    const text = this.command.value;
    if (!this.each.checked) return { ...options, command: text };
    return text
      .split("\n")
      .filter((line) => line.trim())
      .map((command) => ({ ...options, command }));
  }

  #tell({ ids, existing }) {
    if (ids.length === 1 && !existing.length) return void this.go(`/jobs/${encodeURIComponent(ids[0])}`);
    const shown = ids.slice(0, 10).map((id, index) => [index > 0 && ", ", jobLink(id)]);
    const more = ids.length > 10 ? ` and ${ids.length - 10} more` : "";
    put(this.done, existing.length ? "Unfinished jobs with this key are there already: " : "Enqueued: ", shown, more);
  }
}

function control({ name, label, hint, type = "text", options, ...attributes }) {
  const id = `field-${name}`;
  const input = options
    ? h(
        "select",
        { id, name },
        options.map(([value, text]) => h("option", { value }, text)),
      )
    : type === "area"
      ? h("textarea", { id, name, rows: 2, spellcheck: "false", ...attributes })
      : h("input", { id, name, type, autocomplete: "off", ...attributes });
  return h("div.entry", h("label", { for: id }, label), input, hint && h("span.hint", hint));
}
