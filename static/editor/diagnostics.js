/**
 * Errors and hints of a trace as marks in the program, each with its fixes.
 */
import { rangeOf } from './spans.js';

/**
 * @typedef {import('../model/types.js').Trace} Trace
 * @typedef {import('codemirror').Diagnostic} Diagnostic
 * @typedef {import('codemirror').Text} Text
 * @typedef {import('../actions.js').Actions} Actions
 */

/** @param {Text} doc @param {number} line */
function wholeLine(doc, line) {
  const { from, to, text } = doc.line(Math.min(Math.max(1, line), doc.lines));
  return { from: from + (text.length - text.trimStart().length), to };
}

/**
 * @param {Text} doc @param {Trace} trace @param {Actions} actions
 * @returns {Diagnostic[]}
 */
export function diagnosticsOf(doc, trace, actions) {
  /** @type {Diagnostic[]} */
  const out = [];
  const { error } = trace;
  if (error?.line) {
    const place = error.site ? rangeOf(doc, error.site) : wholeLine(doc, error.line);
    out.push({
      ...place, severity: 'error',
      message: plain(error.diagnosis ? error.diagnosis.title : `${error.type}: ${error.message}`),
      actions: fixesOf(error.diagnosis, actions),
    });
  }
  for (const hint of trace.hints ?? []) {
    if (!hint.line) continue;
    out.push({ ...wholeLine(doc, hint.line), severity: 'warning', message: plain(hint.diagnosis.title), actions: fixesOf(hint.diagnosis, actions) });
  }
  for (const warning of trace.warnings) {
    if (!warning.line) continue;
    out.push({ ...wholeLine(doc, warning.line), severity: 'info', message: `${warning.category}: ${warning.message}` });
  }
  return out;
}

/** Tooltips of the editor know no code font. @param {string} text */
const plain = (text) => text.replaceAll('`', '');

/** @param {any} diagnosis @param {Actions} actions */
function fixesOf(diagnosis, actions) {
  return (diagnosis?.fixes ?? []).map((/** @type {any} */ fix) => ({
    name: plain(fix.title.length > 48 ? `${fix.title.slice(0, 47)}…` : fix.title),
    apply: () => actions.applyEdits(fix.edits, fix.title),
  }));
}
