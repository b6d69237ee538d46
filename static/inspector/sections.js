/**
 * Pieces that the inspector's pages share: a tensor with its title, a link to a
 * card, a row of a table with what an edge carries.
 */
import { cells, heatMap, histogram, matrix, rowsOf, statistics } from '../cells.js';
import { button, h } from '../dom.js';
import { flatten, formatShape } from '../model/index.js';

/**
 * @typedef {import('../model/types.js').Card} Card
 * @typedef {import('../model/types.js').Summary} Summary
 * @typedef {'value' | 'grad'} Tone
 * @typedef {{
 *   actions: import('../actions.js').Actions,
 *   jump: (card: Card) => void,
 *   openTensor: (title: string, summary: Summary | null, tone: Tone) => void,
 *   check: () => void,
 * }} Links
 */

/** Numbers that stand beside their title; more of them stand under it. */
const BESIDE = 4;
/** Numbers of a row in a table. */
const IN_ROW = 3;

/** @param {string} title @param {string} what @param {Summary} summary @param {Tone} tone @param {Links} links */
const opener = (title, what, summary, tone, links) => button({
  icon: 'maximize2', title: `Open ${title.replace(/^\w/, (letter) => letter.toLowerCase())} of ${what} large`, class: 'button--small button--quiet',
  onClick: () => links.openTensor(`${title} of ${what}`, summary, tone),
});

/**
 * @param {string} title @param {Summary | null} summary @param {Tone} tone @param {string} what
 * @param {Links} links @param {string} absent @param {string} [when]  It is not there yet, but will be.
 */
export function tensorSection(title, summary, tone, what, links, absent, when = '') {
  if (!summary) return h('section', { class: 'inspect__tensor', 'aria-label': title }, h('h3', {}, title), h('p', { class: 'none' }, absent));
  const numbers = flatten(summary);
  const rows = numbers && summary.shape.length > 1 ? rowsOf(summary) : null;
  const short = numbers !== null && (numbers.length === 0 || (!rows && numbers.length <= BESIDE));
  const open = opener(title, what, summary, tone, links);
  return h(
    'section', { class: 'inspect__tensor', 'aria-label': title },
    h('h3', {}, title, when && h('span', { class: 'inspect__when' }, when), !short && h('span', { class: 'shape' }, formatShape(summary.shape)), !short && open),
    short && h('span', { class: 'inspect__carried' }, cells(summary, tone), numbers.length > 0 && open),
    !short && (rows ? matrix(rows, tone, `${title} of ${what}, ${rows.length} rows`) : numbers && cells(summary, tone, 12)),
    !numbers && [statistics(summary), summary.heat && heatMap(summary.heat, tone, `Heat map of ${title}`), histogram(summary, tone)],
  );
}

/**
 * What one edge carries, and the way to see all of it.
 * @param {Summary | null} gradient @param {string} what @param {Links} links @param {string} [absent]
 */
export function carried(gradient, what, links, absent = 'None') {
  const size = gradient ? gradient.shape.reduce((all, one) => all * one, 1) : 0;
  return h('td', {}, h('span', { class: 'inspect__carried' },
    gradient ? cells(gradient, 'grad', IN_ROW) : h('span', { class: 'none' }, absent),
    gradient && size > IN_ROW && opener('Gradient', what, gradient, 'grad', links)));
}

/** @param {Card} card */
export const nameOf = (card) => (card.names[0] ?? card.title) + (card.iteration.length > 0 ? ` #${card.iteration.map((i) => i + 1).join('.')}` : '');

/** @param {Card} card @param {Links} links */
export function cardLink(card, links) {
  return h('button', {
    type: 'button', class: 'button button--link mono', title: `Select ${card.title}`,
    on: {
      click: () => links.actions.select({ kind: 'card', id: card.id }),
      pointerenter: () => links.actions.hover({ kind: 'card', id: card.id }),
      pointerleave: () => links.actions.hover(null),
    },
  }, nameOf(card));
}
