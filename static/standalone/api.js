/**
 * Stands in for ../api.js in the standalone page: the one run that was saved.
 */
import { Problem } from '../api.js';
import { saved } from './data.js';

export { Problem, address } from '../api.js';

/**
 * @param {object} request
 * @returns {Promise<import('../model/types.js').Trace>}
 */
export async function runTrace(request) {
  const { code, interventions } = /** @type {{code: string, interventions: unknown[]}} */ (request);
  if (code === saved.code && interventions.length === 0) return saved.trace;
  throw new Problem(
    'refused',
    'This is a saved page',
    'It shows the run that it was saved with, and can run nothing itself. Take the code to a Gradwalk service to change it.',
  );
}

/** @returns {Promise<import('../state.js').Lesson[]>} */
export async function fetchLessons() {
  return [];
}

/** @param {string} name @returns {Promise<any>} */
export async function fetchOperator(name) {
  return saved.operators[name] ?? null;
}
