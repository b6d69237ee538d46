/**
 * How big things are: rows of numbers, cards, labels.  All in px at scale 1.
 *
 * @typedef {import('../model/types.js').Card} Card
 * @typedef {import('../model/types.js').Summary} Summary
 * @typedef {import('../model/types.js').Model} Model
 * @typedef {import('../model/scene.js').Item} Item
 *
 * @typedef {object} RowShape  How a tensor of one shape is drawn.
 * @property {'cells' | 'raster' | 'text'} kind
 * @property {number} rows
 * @property {number} columns
 * @property {number} cellWidth
 * @property {number} cellHeight
 * @property {number} width
 * @property {number} height
 *
 * @typedef {object} Box  A card's measures.
 * @property {number} width
 * @property {number} height
 * @property {boolean} twoLines  Engine's name stands under the title.
 * @property {number} pill  Width of the name's pill, 0 without.
 * @property {RowShape} shape
 * @property {number} valueTop
 * @property {number} gradTop
 * @property {number} footTop  0: no foot.
 */
import { SHORT_REASONS } from '../model/sentence.js';
import { elementsOf } from '../model/numbers.js';
import { clip } from '../model/source.js';

export const PAD = 10;
export const LABEL_COLUMN = 38;
const ROW_GAP = 4;
const FOOT = 14;
const CELL = { width: 50, height: 18 };
/** A complex number is two with a sign between them. */
const COMPLEX_CELL = 92;
/** Columns of cells, by how wide they are. */
const MOST_COLUMNS = { real: 6, complex: 3 };
const FONT_SANS = '"Inter", "Segoe UI", system-ui, sans-serif';
const FONT_MONO = '"JetBrains Mono", "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace';

/** @typedef {'title' | 'engine' | 'cell' | 'note'} Role */

/** @type {Record<Role, string> | null} */
let fonts = null;
/** @type {CanvasRenderingContext2D | null} */
let pen = null;
/** @type {Map<string, number>} */
const known = new Map();
const PLAIN = /^[\x20-\x7e]*$/;

/** Asking for a style lays the page out, so it is asked once. @returns {Record<Role, string>} */
function fontsOfPage() {
  const style = getComputedStyle(document.documentElement);
  const mono = style.getPropertyValue('--gw-mono') || FONT_MONO;
  const sans = style.getPropertyValue('--gw-sans') || FONT_SANS;
  return { title: `600 13px ${mono}`, engine: `400 11px ${sans}`, cell: `400 11px ${mono}`, note: `400 11px ${sans}` };
}

/**
 * Width of a text.
 * @param {string} text @param {Role} role @returns {number}
 */
export function textWidth(text, role) {
  // Where all letters are of one width, numbers that change need no measuring.
  if ((role === 'cell' || role === 'title') && text.length > 1 && PLAIN.test(text)) return text.length * textWidth('0', role);
  const key = `${role}|${text}`;
  const hit = known.get(key);
  if (hit !== undefined) return hit;
  pen ??= document.createElement('canvas').getContext('2d');
  fonts ??= fontsOfPage();
  if (!pen) return text.length * 7;
  pen.font = fonts[role];
  const width = pen.measureText(text).width;
  if (known.size > 20000) known.clear();
  known.set(key, width);
  return width;
}

/**
 * @param {number[] | undefined} shape @param {boolean} hasData @param {boolean} hasHeat
 * @param {boolean} [complex]
 * @returns {RowShape}
 */
function rowShape(shape, hasData, hasHeat, complex = false) {
  const elements = shape ? elementsOf(shape) : 0;
  const columns = shape && shape.length > 0 ? shape[shape.length - 1] : 1;
  const rows = elements === 0 ? 0 : elements / columns;
  const small = hasData && elements > 0 && elements <= 24 && columns <= MOST_COLUMNS[complex ? 'complex' : 'real'] && rows <= 4;
  if (small) {
    const { height } = CELL;
    const width = complex ? COMPLEX_CELL : CELL.width;
    const cellHeight = rows > 1 ? height - 1 : height;
    return { kind: 'cells', rows, columns, cellWidth: width, cellHeight, width: columns * width, height: rows * cellHeight };
  }
  if (elements > 0 && (hasData || hasHeat)) {
    const drawnColumns = Math.min(columns, 16);
    const drawnRows = Math.min(rows, 8);
    const side = drawnRows > 4 ? 5 : 6;
    const height = Math.max(28, drawnRows * side);
    const cellHeight = drawnRows === 1 ? 16 : side;
    return { kind: 'raster', rows: drawnRows, columns: drawnColumns, cellWidth: 6, cellHeight, width: drawnColumns * 6 + 8 + 74, height };
  }
  return { kind: 'text', rows: 1, columns: 1, cellWidth: 0, cellHeight: CELL.height, width: 110, height: CELL.height };
}

/** @param {Card} card @param {Model} model @returns {RowShape} */
function shapeOf(card, model) {
  const tensor = card.tensors[0] ? model.tensorById.get(card.tensors[0]) : undefined;
  const summary = card.value ?? card.node?.upstream.find((s) => s !== null) ?? null;
  const shape = summary?.shape ?? tensor?.shape;
  const complex = /complex/.test(summary?.dtype ?? tensor?.dtype ?? '');
  return rowShape(shape, Boolean(summary && summary.data !== null), Boolean(summary?.heat), complex);
}

/**
 * @param {Item} item @param {Model} model @param {boolean} foot  Is there a line for what the gradients add up to?
 * @returns {Box}
 */
export function measure(item, model, foot) {
  if (item.group) return measureGroup(item.group);
  const card = /** @type {Card} */ (item.card);
  const shape = shapeOf(card, model);
  const pillText = pillOf(card);
  const pill = pillText ? Math.ceil(textWidth(pillText, 'cell')) + 12 : 0;
  const title = textWidth(titleOf(card), 'title') + (pill ? pill + 6 : 0);
  const engine = textWidth(engineText(card), 'engine');
  const twoLines = title + engine + 18 > 250;
  const header = twoLines ? Math.max(title, engine) : title + engine + 18;
  const note = LABEL_COLUMN + textWidth(card.kind === 'leaf' ? waitingText(888) : noteOf(card), 'note');
  const width = Math.max(150, header, LABEL_COLUMN + shape.width, note) + 2 * PAD;
  const valueTop = twoLines ? 44 : 30;
  const gradTop = hasValueRow(card) ? valueTop + shape.height + ROW_GAP : valueTop;
  // In place of a gradient a ghost has one line of words.
  const gradHeight = card.kind === 'ghost' ? CELL.height : hasGradientRow(card) ? shape.height : 0;
  const bottom = gradHeight ? gradTop + gradHeight : gradTop - ROW_GAP;
  const footTop = foot ? bottom + 4 : 0;
  const height = (foot ? footTop + FOOT : bottom) + PAD;
  return { width: Math.ceil(width / 4) * 4, height: Math.ceil(height), twoLines, pill, shape, valueTop, gradTop, footTop };
}

/** @param {import('../model/groups.js').Group} group @returns {Box} */
function measureGroup(group) {
  const count = `${group.cards.length}`;
  const width = Math.max(150, textWidth(group.title, 'title') + 50 + textWidth(count, 'note'), textWidth(group.detail, 'note') + 10);
  const shape = rowShape(undefined, false, false);
  return { width: Math.min(320, Math.ceil((width + 2 * PAD) / 4) * 4), height: 64, twoLines: true, pill: 0, shape, valueTop: 32, gradTop: 32, footTop: 0 };
}

/** A name may be as long as one likes. */
const LONGEST_TITLE = 34;

/** @param {Card} card */
export function titleOf(card) {
  return clip(card.title, LONGEST_TITLE);
}

/** Of some of the engine's nodes the result was never a tensor of the program. @param {Card} card */
export function hasValueRow(card) {
  return card.tensors.length > 0;
}

/** Constants have no gradient row. @param {Card} card */
export function hasGradientRow(card) {
  return card.kind !== 'constant';
}

/** The name that a result was given, where the title does not say it. @param {Card} card */
export function pillOf(card) {
  if (card.kind === 'leaf' || card.kind === 'constant') return '';
  const name = card.names[card.names.length - 1] ?? card.module ?? '';
  return name.length > 18 ? '' : name;
}

/** @param {Card} card */
export function engineText(card) {
  if (card.kind === 'leaf') return 'leaf · AccumulateGrad';
  if (card.kind === 'constant') return 'not tracked';
  if (card.kind === 'ghost') return `${card.engine} · not recorded`;
  const loop = card.iteration.length > 0 ? ` · ${card.iteration.map((n) => `#${n + 1}`).join(' ')}` : '';
  return card.engine + loop;
}

/** A leaf's .grad until it comes. @param {number} step  -1: it never comes. */
export function waitingText(step) {
  return step >= 0 ? `None · arrives at step ${step + 1}` : 'None';
}

/** Text in place of a gradient. @param {Card} card */
export function noteOf(card) {
  return card.kind === 'ghost' ? (SHORT_REASONS.get(card.reason ?? '') ?? card.reason ?? '') : '';
}

/** Room for an open group's title and its close button. @param {string} title */
export function headingWidth(title) {
  return textWidth(title, 'engine') + 60;
}
