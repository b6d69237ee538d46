/**
 * Elements from plain data.  Text is only ever set as text: a name, an output
 * line or an error of a program can't become markup.
 */
import * as icons from 'icons';

/**
 * @typedef {Node | string | number | null | undefined | false | readonly Child[]} Child
 * @typedef {{
 *   class?: string, on?: Record<string, (event: any) => void>,
 *   data?: Record<string, string>, vars?: Record<string, string | number>,
 *   [attribute: string]: any }} Props
 */

/**
 * An element.  `class`, `on` (listeners), `data` and `vars` (CSS custom
 * properties) are special; booleans set or leave out an attribute.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Props} [props]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === 'class') element.className = value;
    else if (name === 'on') for (const [type, f] of Object.entries(value)) element.addEventListener(type, /** @type {any} */ (f));
    else if (name === 'data') Object.assign(element.dataset, value);
    else if (name === 'vars') for (const [key, one] of Object.entries(value)) element.style.setProperty(`--${key}`, String(one));
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  append(element, children);
  return element;
}

/** @param {Element} element @param {readonly Child[]} children */
function append(element, children) {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (child instanceof Node) element.append(child);
    else if (typeof child === 'object') append(element, child);
    else element.append(String(child));
  }
}

/** Replace what an element holds. @param {Element} element @param {...Child} children */
export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children);
}

const FOCUSABLE = 'button, input, select, [tabindex]';

/**
 * As `fill`, for what is drawn anew while the reader may be in it: focus stays
 * where it was.  So does scrolling, of itself, as long as nothing asks for a
 * size between the emptying and the filling; asking here would lay out the
 * whole page at every step.
 * @param {HTMLElement} element @param {...Child} children
 */
export function refill(element, ...children) {
  const active = document.activeElement;
  const at = element.contains(active) ? [...element.querySelectorAll(FOCUSABLE)].indexOf(/** @type {Element} */ (active)) : -1;
  fill(element, ...children);
  if (at < 0) return;
  const again = /** @type {HTMLElement | undefined} */ ([...element.querySelectorAll(FOCUSABLE)][at]);
  if (again) again.focus({ preventScroll: true });
  else focusAround(element);
}

/** What had the focus is gone: the next Tab goes on from the part of the page where it was. @param {Element} element */
export function focusAround(element) {
  /** @type {HTMLElement | null} */ (element.closest('[tabindex="-1"]'))?.focus({ preventScroll: true });
}

const parser = new DOMParser();
/** @type {Map<string, Element>} */
const parsed = new Map();

/**
 * One of our own icons; decoration, so hidden from readers.
 * @param {string} name  Its name in the bundle, e.g. `chevronDown`.
 */
export function icon(name) {
  let svg = parsed.get(name);
  if (!svg) {
    const text = /** @type {Record<string, string>} */ (/** @type {unknown} */ (icons))[name];
    svg = parser.parseFromString(text, 'image/svg+xml').documentElement;
    svg.setAttribute('aria-hidden', 'true');
    parsed.set(name, svg);
  }
  return /** @type {SVGElement} */ (document.importNode(svg, true));
}

/**
 * @typedef {object} ButtonOptions
 * @property {string} [icon]
 * @property {string} [label]  Shown text; without it the title names the button.
 * @property {string} title  Tooltip.
 * @property {string} [key]  Shown after the label.
 * @property {string} [class]
 * @property {(event: MouseEvent) => void} [onClick]
 * @property {Record<string, any>} [props]
 */

/** @param {ButtonOptions} options */
export function button(options) {
  const { title, label, onClick } = options;
  return h(
    'button',
    {
      type: 'button',
      class: `button ${label ? '' : 'button--icon'} ${options.class ?? ''}`,
      title: options.key ? `${title} (${options.key})` : title,
      'aria-label': label ? undefined : title,
      on: onClick ? { click: onClick } : {},
      ...options.props,
    },
    options.icon && icon(options.icon),
    label && h('span', { class: 'button__label' }, label),
  );
}

/**
 * Text in which `backticks` mark code.
 * @param {string} text
 * @returns {(HTMLElement | string)[]}
 */
export function prose(text) {
  return text
    .split('`')
    .map((part, i) => (i % 2 ? h('code', {}, part) : part))
    .filter((part) => part !== '');
}

/** A dotted name that may break after its dots. @param {string} name */
export const breakable = (name) => name.split('.').flatMap((part, i) => (i > 0 ? ['.', h('wbr'), part] : [part]));

/** The element of the template with this id. @param {string} id */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`no element #${id}`);
  return element;
}
