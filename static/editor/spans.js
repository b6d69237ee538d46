/**
 * Spans of a trace (lines from 1, columns in characters) and offsets of the
 * editor (UTF-16 units), which differ after a character outside the BMP.
 *
 * @typedef {import('../model/types.js').Span} Span
 * @typedef {import('codemirror').Text} Text
 */

/** @param {string} line @param {number} col */
function unitsOf(line, col) {
  let units = 0;
  for (const character of line) {
    if (col-- <= 0) break;
    units += character.length;
  }
  return units;
}

/** @param {Text} doc @param {number} line @param {number} col */
export function offsetOf(doc, line, col) {
  if (line > doc.lines) return doc.length;
  const { from, text } = doc.line(Math.max(1, line));
  return from + unitsOf(text, col);
}

/** @param {Text} doc @param {Span} span */
export function rangeOf(doc, span) {
  const from = offsetOf(doc, span.line, span.col);
  return { from, to: Math.max(from, offsetOf(doc, span.end_line, span.end_col)) };
}

/** @param {Text} doc @param {number} offset @returns {{line: number, col: number}} */
export function positionOf(doc, offset) {
  const line = doc.lineAt(offset);
  return { line: line.number, col: [...line.text.slice(0, offset - line.from)].length };
}

/** @param {Span} span @param {{line: number, col: number}} at */
export function covers(span, at) {
  const after = at.line > span.line || (at.line === span.line && at.col >= span.col);
  const before = at.line < span.end_line || (at.line === span.end_line && at.col <= span.end_col);
  return after && before;
}

/** Smaller is further inside. @param {Span} span */
export function extent(span) {
  return (span.end_line - span.line) * 10_000 + span.end_col - span.col;
}
