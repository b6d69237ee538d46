/**
 * Numbers of a tensor as heat cells, tables, heat maps and text.
 */
import { h } from './dom.js';
import { flatten, formatNumber, formatShape, strength, toNumber } from './model/index.js';

/**
 * @typedef {import('./model/types.js').Summary} Summary
 * @typedef {import('./model/types.js').Num} Num
 * @typedef {'value' | 'grad'} Tone  Which pair of hues shows the sign.
 */

/** @param {Num} number @param {Tone} tone */
function look(number, tone) {
  const s = strength(number);
  if (Number.isNaN(s)) return { class: 'cell--bad', k: 1 };
  const sign = s > 0 ? `cell--${tone}-pos` : s < 0 ? `cell--${tone}-neg` : '';
  return { class: sign, k: Math.abs(s).toFixed(3) };
}

/** @param {Num} number @param {Tone} tone @param {string} [dtype] */
export function cell(number, tone, dtype) {
  const { class: name, k } = look(number, tone);
  return h('span', { class: `cell ${name}`, vars: { k } }, formatNumber(number, dtype));
}

/**
 * A row of cells; what does not fit, or was not sent, is said in words.
 * @param {Summary | null} summary @param {Tone} tone @param {number} [most]
 */
export function cells(summary, tone, most = 6) {
  if (!summary) return h('span', { class: 'none' }, 'None');
  const numbers = flatten(summary);
  if (!numbers) {
    return h('span', { class: 'cells' }, h('span', { class: 'shape' }, `${formatShape(summary.shape)} · norm ${formatNumber(summary.norm)}`));
  }
  if (numbers.length === 0) return h('span', { class: 'none' }, `empty (${formatShape(summary.shape)})`);
  const row = h('span', { class: 'cells' }, numbers.slice(0, most).map((n) => cell(n, tone, summary.dtype)));
  if (numbers.length > most) row.append(h('span', { class: 'cells__more' }, `+${numbers.length - most}`));
  return row;
}

/** Numbers of a matrix that are said with its name. */
const SAID = 16;

/**
 * Rows and columns of numbers: the last axis runs across.
 * @param {Summary} summary
 * @returns {Num[][] | null}
 */
export function rowsOf(summary) {
  const numbers = flatten(summary);
  if (!numbers) return null;
  const width = summary.shape.length === 0 ? 1 : (summary.shape[summary.shape.length - 1] ?? 1);
  if (width === 0) return [];
  return Array.from({ length: numbers.length / width }, (_, i) => numbers.slice(i * width, (i + 1) * width));
}

/**
 * A matrix of cells; exact zeros step back.
 * @param {Num[][]} rows @param {Tone} tone @param {string} label
 */
export function matrix(rows, tone, label) {
  // What is inside of an image is not read: few numbers are said with its name.
  const few = rows.flat().length <= SAID;
  const said = few ? `: ${rows.map((row) => row.map((number) => formatNumber(number)).join(' ')).join('; ')}` : '';
  const grid = h('div', { class: 'matrix', role: 'img', 'aria-label': label + said, tabindex: '0' });
  grid.style.gridTemplateColumns = `repeat(${rows[0]?.length ?? 1}, max-content)`;
  for (const number of rows.flat()) {
    const one = cell(number, tone);
    if (toNumber(number) === 0) one.classList.add('is-zero');
    grid.append(one);
  }
  return grid;
}

/**
 * Many numbers as colours.  Their own largest has the full colour: a gradient
 * of 1e-5 would be grey on the scale that the cards share.
 * @param {Num[][]} rows @param {Tone} tone @param {string} label @param {boolean} [large]
 */
export function heatMap(rows, tone, label, large = false) {
  const grid = h('div', { class: `heatmap ${large ? 'heatmap--large' : ''}`, role: 'img', 'aria-label': label });
  grid.style.gridTemplateColumns = `repeat(${rows[0]?.length ?? 1}, max-content)`;
  grid.style.setProperty('--columns', String(rows[0]?.length ?? 1));
  const sizes = rows.flat().map((number) => Math.abs(toNumber(number))).filter(Number.isFinite);
  const full = sizes.reduce((most, one) => Math.max(most, one), 0);
  for (const number of rows.flat()) {
    const { class: name } = look(number, tone);
    const k = name === 'cell--bad' ? 1 : full > 0 ? Math.sqrt(Math.abs(toNumber(number)) / full).toFixed(3) : 0;
    grid.append(h('i', { class: name, vars: { k }, title: formatNumber(number) }));
  }
  return h('figure', {}, grid, h('figcaption', { class: 'heatmap__scale' }, `block means; full colour is ±${formatNumber(full)}`));
}

/** @param {Summary} summary @param {Tone} tone */
export function histogram(summary, tone) {
  const counts = summary.histogram;
  if (!counts || counts.length === 0) return null;
  const top = Math.max(...counts, 1);
  const [min, max] = [toNumber(summary.min ?? 0), toNumber(summary.max ?? 0)];
  const edge = (/** @type {number} */ i) => formatNumber(min + ((max - min) * i) / counts.length);
  const most = counts.indexOf(top);
  return h(
    'figure', { class: 'histogram__figure' },
    h('div', { class: `histogram histogram--${tone}`, role: 'img', 'aria-label': `Histogram from ${formatNumber(summary.min)} to ${formatNumber(summary.max)}; most of them, ${top}, between ${edge(most)} and ${edge(most + 1)}` },
      counts.map((count, i) => h('i', { vars: { h: count / top }, title: `${count.toLocaleString('en')} from ${edge(i)} to ${edge(i + 1)}` }))),
    h('figcaption', { class: 'histogram__ends' }, h('span', {}, formatNumber(summary.min)), h('span', {}, formatNumber(summary.max))),
  );
}

/** @param {Summary} summary */
export function statistics(summary) {
  const entries = [['norm', summary.norm], ['mean', summary.mean], ['min', summary.min], ['max', summary.max]];
  return h(
    'dl', { class: 'stats' },
    entries.map(([name, number]) => [h('dt', {}, String(name)), h('dd', {}, formatNumber(/** @type {Num} */ (number)))]),
    summary.nonfinite > 0 && [h('dt', {}, 'not finite'), h('dd', {}, String(summary.nonfinite))],
  );
}

/** Nested lists as Python prints them, every digit. @param {any} data @returns {string} */
export function pythonText(data) {
  if (Array.isArray(data)) return `[${data.map(pythonText).join(', ')}]`;
  if (data === 'NaN') return "float('nan')";
  if (data === 'Infinity') return "float('inf')";
  if (data === '-Infinity') return "-float('inf')";
  if (typeof data === 'boolean') return data ? 'True' : 'False';
  return String(data);
}
