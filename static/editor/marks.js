/**
 * What the page marks in the program: the line of the step, the expression of
 * the selected and of the hovered card, the error's line, active what-ifs.
 */
import { Decoration, EditorView, StateEffect, StateField } from 'codemirror';
import { rangeOf } from './spans.js';

/**
 * @typedef {import('../model/types.js').Span} Span
 * @typedef {object} Marks
 * @property {{line: number, backward: boolean} | null} step
 * @property {number | null} error  A line.
 * @property {Span | null} selected
 * @property {Span | null} hovered
 * @property {Span[]} whatIfs
 * @property {[number, number][]} whatIfLines
 */

/** @type {Marks} */
export const noMarks = { step: null, error: null, selected: null, hovered: null, whatIfs: [], whatIfLines: [] };

/** @type {import('codemirror').StateEffectType<Marks>} */
export const setMarks = StateEffect.define();

/** @param {import('codemirror').Text} doc @param {Marks} marks */
function draw(doc, marks) {
  /** @type {import('codemirror').Range<Decoration>[]} */
  const ranges = [];
  /** @param {number | null | undefined} line @param {string} name */
  const whole = (line, name) => {
    if (line && line <= doc.lines) ranges.push(Decoration.line({ class: name }).range(doc.line(line).from));
  };
  /** @param {Span | null} span @param {string} name */
  const part = (span, name) => {
    if (!span) return;
    const { from, to } = rangeOf(doc, span);
    if (to > from) ranges.push(Decoration.mark({ class: name }).range(from, to));
  };
  for (const [from, to] of marks.whatIfLines) for (let line = from; line <= to; line++) whole(line, 'cm-whatif-line');
  whole(marks.error, 'cm-error-line');
  if (marks.step) whole(marks.step.line, marks.step.backward ? 'cm-step-backward' : 'cm-step-line');
  for (const span of marks.whatIfs) part(span, 'cm-whatif-span');
  part(marks.hovered, 'cm-hover-span');
  part(marks.selected, 'cm-node-span');
  return Decoration.set(ranges, true);
}

export const marksField = StateField.define({
  create: () => Decoration.none,
  update(drawn, transaction) {
    let now = drawn.map(transaction.changes);
    for (const effect of transaction.effects) {
      if (effect.is(setMarks)) now = draw(transaction.state.doc, effect.value);
    }
    return now;
  },
  provide: (field) => EditorView.decorations.from(field),
});
