/**
 * What a standalone page carries in place of a service.
 *
 * @typedef {object} Saved
 * @property {string} code
 * @property {import('../model/types.js').Trace} trace
 * @property {Record<string, any>} operators  Derivative rules by node name.
 */

const element = document.getElementById('gradwalk-saved');

/** @type {Saved} */
export const saved = JSON.parse(element?.textContent ?? '');
