/**
 * One tensor, large: every number as a table and as a heat map, and as text.
 */
import { cell, heatMap, histogram, pythonText, rowsOf, statistics } from '../cells.js';
import { button, h } from '../dom.js';
import { formatShape } from '../model/index.js';
import { openSheet } from '../sheet.js';
import { copy } from '../toast.js';

/**
 * @typedef {import('../model/types.js').Summary} Summary
 */

/** @param {string} title @param {Summary | null} summary @param {'value' | 'grad'} tone */
export function openTensor(title, summary, tone) {
  if (!summary) {
    openSheet(title, [h('p', {}, 'None: there is no tensor here.')]);
    return;
  }
  const rows = rowsOf(summary);
  // Where every number is there, the table's cells are the heat map.
  const heat = rows ? null : (summary.heat ?? null);
  const text = rows ? `torch.tensor(${pythonText(summary.data)}, dtype=torch.${summary.dtype})` : '';
  openSheet(title, [
    h(
      'div', { class: 'tensor' },
      h('p', {}, h('span', { class: 'chip chip--mono' }, `${formatShape(summary.shape)} · ${summary.dtype}`)),
      statistics(summary),
      heat && h('div', { class: 'tensor__scroll', tabindex: '0', role: 'group', 'aria-label': 'Heat map' }, heatMap(heat, tone, `Heat map of ${title}, ${heat.length} rows`, true)),
      !rows && h('p', { class: 'none' }, 'The trace holds block means of a tensor of this size, not every number.'),
      histogram(summary, tone) ?? false,
      rows && table(rows, summary, tone),
      rows && button({ icon: 'copy', label: 'Copy as torch.tensor', title: 'Copy all numbers as text', onClick: () => void copy(text, 'The tensor was') }),
    ),
  ]);
}

/** @param {import('../model/types.js').Num[][]} rows @param {Summary} summary @param {'value' | 'grad'} tone */
function table(rows, summary, tone) {
  const index = (/** @type {number} */ row) => {
    const outer = summary.shape.slice(0, -1);
    const at = [];
    for (let axis = outer.length - 1, rest = row; axis >= 0; axis--) {
      at.unshift(rest % outer[axis]);
      rest = Math.floor(rest / outer[axis]);
    }
    return at.length > 0 ? `[${at.join(', ')}]` : '';
  };
  return h(
    'div', { class: 'tensor__scroll', tabindex: '0', role: 'group', 'aria-label': 'All numbers' },
    h(
      'table', { class: 'numbers' },
      summary.shape.length > 0 && h('thead', {}, h('tr', {}, rows.length > 1 && h('td', {}), (rows[0] ?? []).map((_, i) => h('th', { scope: 'col' }, String(i))))),
      h('tbody', {}, rows.map((row, i) => h('tr', {}, rows.length > 1 && h('th', { scope: 'row' }, index(i)), row.map((n) => h('td', { title: String(n) }, cell(n, tone, summary.dtype)))))),
    ),
  );
}
