/**
 * What other people's programs say, made safe to read: it is only ever shown, never obeyed, and nothing in it can hide
 * or reorder what stands around it.
 * @module
 */

const COLOURS = /\u001b\[[0-9;:]*m/g;
const UNSAFE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufff9-\ufffb]/g;

/**
 * The text with its control characters written out: escape as ␛, marks that turn the direction of writing as \u202e.
 * Newlines and tabs are left as they are.
 */
export function visible(text) {
  return text.replace(UNSAFE, writtenOut);
}

/** The same in one line. */
export function oneLine(text) {
  return visible(
    text
      .trim()
      .replace(/\s*\n\s*/g, " ⏎ ")
      .replace(/\t/g, " "),
  );
}

/** A line of output: sequences that would only colour a terminal are left out, all others are written out. */
export function printed(text) {
  return visible(text.endsWith("\r") ? text.slice(0, -1).replace(COLOURS, "") : text.replace(COLOURS, ""));
}

function writtenOut(character) {
  const code = character.charCodeAt(0);
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  if (code === 0x7f) return "␡";
  return `\\u${code.toString(16).padStart(4, "0")}`;
}

/**
 * A sentence in which commands stand `in backquotes`, as pieces.
 * @returns {{code: boolean, text: string}[]}
 */
export function sentence(text) {
  const pieces = visible(text).split("`");
  return pieces.map((piece, index) => ({ code: index % 2 === 1, text: piece })).filter((piece) => piece.text);
}
