/**
 * What-ifs hold on to their expression while the program is edited: a line
 * above moves them, and what is deleted takes its what-if along.
 */
import { labelOf } from '../whatif/targets.js';
import { offsetOf, positionOf, rangeOf } from './spans.js';

/**
 * @typedef {import('../state.js').Intervention} Intervention
 * @typedef {import('codemirror').Text} Text
 * @typedef {{mapPos: (offset: number, side?: number) => number}} Changes
 */

/**
 * The what-ifs as they stand after a change of the text; the same list where
 * nothing moved.
 * @param {Intervention[]} list @param {Changes} changes @param {Text} old @param {Text} now
 * @returns {Intervention[]}
 */
export function moved(list, changes, old, now) {
  const out = list.flatMap((one) => follow(one, changes, old, now) ?? []);
  return out.length === list.length && out.every((one, i) => one === list[i]) ? list : out;
}

/** @param {Intervention} one @param {Changes} changes @param {Text} old @param {Text} now @returns {Intervention | null} */
function follow(one, changes, old, now) {
  const { target } = one;
  if ('name' in target) return mentions(now, target.name) ? one : null;
  if ('lines' in target) return lines(one, target.lines, changes, old, now);
  const { from, to } = rangeOf(old, target);
  // What is typed right beside an expression does not belong to it.
  const start = changes.mapPos(from, 1);
  const end = changes.mapPos(to, -1);
  if (end <= start) return null;
  const text = now.sliceString(start, end);
  const [a, b] = [positionOf(now, start), positionOf(now, end)];
  if (text === old.sliceString(from, to) && a.line === target.line && a.col === target.col) return one;
  const span = { ...target, line: a.line, col: a.col, end_line: b.line, end_col: b.col };
  return { ...one, target: span, label: text === old.sliceString(from, to) ? one.label : labelOf(one.kind, text) };
}

/** @param {Intervention} one @param {[number, number]} range @param {Changes} changes @param {Text} old @param {Text} now @returns {Intervention | null} */
function lines(one, [first, last], changes, old, now) {
  if (last > old.lines) return null;
  const start = changes.mapPos(old.line(first).from, 1);
  const end = changes.mapPos(old.line(last).to, -1);
  if (end < start || (end === start && old.line(last).to > old.line(first).from)) return null;
  const range = /** @type {[number, number]} */ ([now.lineAt(start).number, now.lineAt(end).number]);
  if (range[0] === first && range[1] === last) return one;
  return { ...one, target: { lines: range }, label: labelOf(one.kind, linesName(...range)) };
}

/** @param {number} first @param {number} last */
export const linesName = (first, last) => (first === last ? `line ${first}` : `lines ${first}–${last}`);

/** Whether the program still speaks of it: `model` of `model.0.weight`. @param {Text} doc @param {string} name */
const mentions = (doc, name) => doc.toString().split(/[^\p{L}\p{N}_]+/u).includes(name.split('.')[0]);

/** @typedef {{line: number, col: number, end_line: number, end_col: number, text: string}} Edit */

/**
 * Of changes, each of some edits, those that can be made at once: where two touch the same
 * text the smaller one goes first, and the other has to wait until that is done.
 * @template T @param {{of: T, edits: Edit[]}[]} changes @returns {{of: T, edits: Edit[]}[]}
 */
export function together(changes) {
  /** @type {typeof changes} */
  const taken = [];
  const bySize = changes.toSorted((a, b) => size(a.edits) - size(b.edits));
  for (const change of bySize) {
    const apart = taken.every((other) => change.edits.every((one) => !other.edits.some((two) => touch(one, two))));
    if (apart) taken.push(change);
  }
  return changes.filter((change) => taken.includes(change));
}

/** Lines and columns as one number, in order. @param {number} line @param {number} col */
const place = (line, col) => line * 1e6 + col;

/** @param {Edit[]} edits */
const size = (edits) => edits.reduce((sum, edit) => sum + place(edit.end_line, edit.end_col) - place(edit.line, edit.col), 0);

/** @param {Edit} one @param {Edit} two */
function touch(one, two) {
  return place(one.line, one.col) < place(two.end_line, two.end_col) && place(two.line, two.col) < place(one.end_line, one.end_col);
}

/**
 * Edits of a trace as changes of the text.  Of several at one place the first
 * comes last, as if they were made from the end.
 * @param {Text} doc @param {Edit[]} edits
 */
export function changesOf(doc, edits) {
  return edits.toReversed().map((edit) => ({ from: offsetOf(doc, edit.line, edit.col), to: offsetOf(doc, edit.end_line, edit.end_col), insert: edit.text }));
}
