/**
 * The page is built of elements and texts: nothing that a job says is ever read as markup.
 * @module
 */

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element. Functions among the attributes are listeners (`onclick`), null and false leave an attribute out.
 * @param {string} tag its name, with classes if wanted: `div.card.wide`
 * @param {...*} parts an object of attributes, and children: nodes, texts, numbers, arrays of them; null and false are none
 * @returns {HTMLElement}
 */
export function h(tag, ...parts) {
  const [name, ...classes] = tag.split(".");
  return fill(document.createElement(name), classes, parts);
}

/**
 * An element of a drawing, as `h` makes those of a text.
 * @param {string} tag
 * @param {...*} parts
 * @returns {SVGElement}
 */
export function svg(tag, ...parts) {
  const [name, ...classes] = tag.split(".");
  return fill(document.createElementNS(SVG, name), classes, parts);
}

function fill(element, classes, parts) {
  if (classes.length) element.classList.add(...classes);
  for (const part of parts) {
    if (isAttributes(part)) setAttributes(element, part);
    else add(element, part);
  }
  return element;
}

function isAttributes(part) {
  return part !== null && typeof part === "object" && !(part instanceof Node) && !Array.isArray(part);
}

function setAttributes(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
}

function add(element, part) {
  if (Array.isArray(part)) for (const one of part) add(element, one);
  else if (part !== null && part !== undefined && part !== false)
    element.append(part instanceof Node ? part : String(part));
}

/** Put these children in the place of those that are there. */
export function put(element, ...children) {
  element.replaceChildren();
  add(element, children);
  return element;
}

/** Give an element this text; one that has it already is not touched, so that a selection in it stays. */
export function say(element, text) {
  const wanted = String(text ?? "");
  if (element.textContent !== wanted) element.textContent = wanted;
  return element;
}

/** Show an element, or hide it from everybody. */
export function reveal(element, visible) {
  if (element.hidden === visible) element.hidden = !visible;
  return element;
}

/** Set an attribute if it is not set so already; null takes it away. */
export function mark(element, name, value) {
  if (value === null || value === false) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
  return element;
}

/** Scroll what lies side by side, and nothing else, so that one of it is seen. */
export function bringIntoSight(parent, child) {
  if (child) parent.scrollLeft = child.offsetLeft - (parent.clientWidth - child.offsetWidth) / 2;
}

/**
 * Children that stay the same elements as long as their keys stay: what is under the pointer or has the focus is not
 * made anew when something changes.
 * @template T
 * @param {Element} parent
 * @param {(item: T) => string|number} keyOf
 * @param {(item: T) => {element: Element, update: (item: T) => void}} make
 * @returns {(items: T[]) => void} shows these items, in this order
 */
export function keyed(parent, keyOf, make) {
  let shown = new Map();
  return (items) => {
    const wanted = new Map(items.map((item) => [keyOf(item), item]));
    for (const [key, row] of shown) if (!wanted.has(key)) row.element.remove();
    const rows = new Map();
    let place = parent.firstElementChild;
    for (const [key, item] of wanted) {
      const row = shown.get(key) ?? make(item);
      row.update(item);
      rows.set(key, row);
      if (row.element === place) place = place.nextElementSibling;
      else parent.insertBefore(row.element, place);
    }
    shown = rows;
  };
}
