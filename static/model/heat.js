/**
 * How strongly a number is coloured: a symmetric logarithm, so that 0.01 and
 * 100 can stand side by side and the sign stays visible.
 *
 * @typedef {import('./types.js').Summary} Summary
 */
import { elementsOf, flatten, toNumber } from './numbers.js';

/** Two decades to each side of 1 fill the scale. */
const DECADES = 2;

/**
 * -1..1, 0 for zero; NaN for what is not a finite number.
 * @param {any} value
 */
export function strength(value) {
  const number = toNumber(value);
  if (!Number.isFinite(number)) return NaN;
  const size = Math.log1p(Math.abs(number) * 10) / Math.log1p(10 ** (DECADES + 1));
  return Math.sign(number) * Math.min(1, size);
}

/** Number of colour classes to each side of zero. */
const LEVELS = 6;

/**
 * The CSS class of a heat cell: h0, hp1..hp6, hn1..hn6, hx (not finite).
 * @param {any} value
 */
export function heatClass(value) {
  const s = strength(value);
  if (Number.isNaN(s)) return 'hx';
  if (s === 0) return 'h0';
  return (s > 0 ? 'hp' : 'hn') + Math.max(1, Math.ceil(Math.abs(s) * LEVELS));
}

/**
 * The numbers as rows for a heat map, at most `rows` x `columns`.
 * @param {Summary} summary
 * @param {number} rows @param {number} columns
 * @returns {number[][]}
 */
export function raster(summary, rows, columns) {
  const whole = grid(summary);
  if (!whole) return [];
  const height = Math.min(rows, whole.length);
  const width = Math.min(columns, whole[0]?.length ?? 0);
  return Array.from({ length: height }, (_, i) =>
    Array.from({ length: width }, (_, j) =>
      block(whole, span(i, height, whole.length), span(j, width, whole[0].length)),
    ),
  );
}

/** @param {Summary} summary @returns {any[][] | null} */
function grid(summary) {
  if (summary.heat?.length) return summary.heat;
  const flat = flatten(summary);
  if (!flat || flat.length === 0) return null;
  const width = summary.shape.length < 2 ? flat.length : summary.shape[summary.shape.length - 1];
  const height = elementsOf(summary.shape) / width;
  return Array.from({ length: height }, (_, i) => flat.slice(i * width, (i + 1) * width));
}

/** @param {number} i @param {number} parts @param {number} size @returns {[number, number]} */
function span(i, parts, size) {
  const from = Math.floor((i * size) / parts);
  return [from, Math.max(from + 1, Math.floor(((i + 1) * size) / parts))];
}

/** @param {any[][]} rows @param {[number, number]} ys @param {[number, number]} xs */
function block(rows, [top, bottom], [left, right]) {
  let total = 0;
  for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) total += toNumber(rows[y][x]);
  return total / ((bottom - top) * (right - left));
}
