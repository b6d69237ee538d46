/**
 * Whether a lesson's question has been answered by what was done, and what is
 * still missing.
 *
 * @typedef {import('../state.js').Goal} Goal
 * @typedef {import('../state.js').State} State
 * @typedef {import('../model/types.js').Trace} Trace
 */
import { flatten, formatNumber, toNumber } from '../model/index.js';

const CLOSE = 5e-5;
/** Numbers that a sentence names. */
const MOST = 4;

/** @param {Goal} goal @param {State} state */
export function reached(goal, state) {
  const asked = Object.entries(goal).some(([name, wanted]) => name !== 'variable' && wanted !== null) || Boolean(goal.variable);
  return asked && state.model !== null && missing(goal, state) === null;
}

/**
 * What keeps the last run from being the answer, in words; null where nothing does.
 * @param {Goal} goal @param {State} state @returns {string | null}
 */
export function missing(goal, { model, interventions, code }) {
  if (!model) return 'The program has not run yet.';
  const { trace } = model;
  if (goal.error === true && !trace.error) return 'The program still runs without an error.';
  if (goal.error !== true && trace.error && goal.grad !== 'none') return `The run ended with ${trace.error.type}${trace.error.line ? ` on line ${trace.error.line}` : ''}.`;
  if (goal.error === false && trace.error) return `The run ended with ${trace.error.type}.`;
  const ofVariable = goal.variable ? aboutVariable(goal, goal.variable, trace) : null;
  if (ofVariable) return ofVariable;
  if (goal.intervention && !interventions.some((one) => one.kind === goal.intervention) && !code.includes(goal.intervention)) return `\`${goal.intervention}\` is not used yet.`;
  if (goal.stdout_contains && !trace.stdout.includes(goal.stdout_contains)) return 'The output does not show it yet.';
  const calls = trace.graphs.filter((one) => one.kind !== 'not_run').length;
  if (typeof goal.backward_calls === 'number' && calls !== goal.backward_calls) return `There were ${calls} backward calls.`;
  return null;
}

/** @param {Goal} goal @param {string} name @param {Trace} trace @returns {string | null} */
function aboutVariable(goal, name, trace) {
  const variable = trace.variables.find((one) => one.name === name);
  if (!variable) return `No tensor is named \`${name}\` now.`;
  const { grad } = variable;
  const numbers = flatten(grad);
  if (goal.grad === 'some' && !grad) return `\`${name}.grad\` is still None.`;
  if (goal.grad === 'none' && grad) return `\`${name}.grad\` is not None: ${inWords(numbers)}.`;
  if (goal.equals && !equals(numbers, goal.equals)) return grad ? `\`${name}.grad\` is ${inWords(numbers)}, not ${inWords(goal.equals)} yet.` : `\`${name}.grad\` is None.`;
  if (typeof goal.requires_grad === 'boolean' && variable.requires_grad !== goal.requires_grad) return `\`${name}\` ${variable.requires_grad ? 'still requires' : 'does not require'} grad.`;
  return null;
}

/** @param {readonly import('../model/types.js').Num[] | null} numbers */
function inWords(numbers) {
  if (!numbers) return 'a large tensor';
  const more = numbers.length > MOST ? ', …' : '';
  return `[${numbers.slice(0, MOST).map((one) => formatNumber(one)).join(', ')}${more}]`;
}

/** @param {import('../model/types.js').Num[] | null} numbers @param {number[]} wanted */
function equals(numbers, wanted) {
  return numbers !== null && numbers.length === wanted.length &&
    numbers.every((n, i) => Math.abs(toNumber(n) - wanted[i]) <= CLOSE * Math.max(1, Math.abs(wanted[i])));
}

/**
 * The step that a note belongs to, or -1.
 * @param {import('../model/types.js').Model} model @param {import('../state.js').Note['at']} at
 */
export function stepOf(model, { kind, line, nth = 0 }) {
  // An AccumulateGrad and its += are one step, so counting nodes skips it.
  const fitting = model.steps.filter((step) => step.kind === kind && (line === null || line === undefined || step.line === line));
  return fitting.at(nth)?.index ?? -1;
}
