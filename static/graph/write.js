/**
 * Writes into elements what is not there yet.  Even what is written as it was has
 * the browser lay it out and paint it anew, and in a drag that would be most of the
 * picture: cards and lines stand still while their numbers change.
 */

/**
 * Attributes of all elements of a selection, for `call`.
 * @param {import('d3').Selection<any, any, any, any>} selection
 * @param {Record<string, string | number | ((datum: any, i: number) => string | number)>} attributes
 */
export function write(selection, attributes) {
  selection.each((datum, i, all) => {
    for (const [name, value] of Object.entries(attributes)) {
      writeOne(all[i], name, String(typeof value === 'function' ? value(datum, i) : value));
    }
  });
}

/** @param {Element} element @param {string} name @param {string} value */
export function writeOne(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/**
 * Their text, for `call`.
 * @param {import('d3').Selection<any, any, any, any>} selection
 * @param {string | ((datum: any) => string)} text
 */
export function say(selection, text) {
  selection.each((datum, i, all) => {
    const now = typeof text === 'function' ? text(datum) : text;
    if (all[i].textContent !== now) all[i].textContent = now;
  });
}
