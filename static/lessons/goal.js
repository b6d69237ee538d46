/**
 * Whether a lesson's question has been answered by what was done.
 *
 * @typedef {import('../state.js').Goal} Goal
 * @typedef {import('../state.js').State} State
 */
import { flatten, toNumber } from '../model/index.js';

const CLOSE = 5e-5;

/** @param {Goal} goal @param {State} state */
export function reached(goal, state) {
  const { model, interventions } = state;
  if (!model) return false;
  const { trace } = model;
  const variable = goal.variable ? trace.variables.find((one) => one.name === goal.variable) : undefined;
  /** @type {boolean[]} */
  const conditions = [];
  if (goal.variable) conditions.push(variable !== undefined);
  if (goal.grad) conditions.push((variable?.grad ?? null) === null ? goal.grad === 'none' : goal.grad === 'some');
  if (goal.equals) conditions.push(equals(flatten(variable?.grad ?? null), goal.equals));
  if (typeof goal.error === 'boolean') conditions.push((trace.error !== null) === goal.error);
  if (goal.intervention) conditions.push(interventions.some((one) => one.kind === goal.intervention) || state.code.includes(goal.intervention));
  if (goal.stdout_contains) conditions.push(trace.stdout.includes(goal.stdout_contains));
  if (typeof goal.backward_calls === 'number') conditions.push(trace.graphs.filter((one) => one.kind !== 'not_run').length === goal.backward_calls);
  return conditions.length > 0 && conditions.every(Boolean);
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
