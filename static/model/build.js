/**
 * A trace becomes a model: cards, the edges between them, steps and history.
 *
 * @typedef {import('./types.js').Trace} Trace
 * @typedef {import('./types.js').Model} Model
 */
import { buildCards } from './cards.js';
import { buildEdges } from './edges.js';
import { buildHistory } from './history.js';
import { atOnce, gently } from './gently.js';
import { buildSteps } from './steps.js';

/**
 * @param {Trace} trace
 * @param {string} code  The program that made it.
 * @returns {Model}
 */
export function buildModel(trace, code) {
  return atOnce(modelling(trace, code));
}

/**
 * As `buildModel`; a big trace does not stop the page meanwhile.
 * @param {Trace} trace @param {string} code @param {AbortSignal} [signal]
 * @returns {Promise<Model>}
 */
export function buildModelGently(trace, code, signal) {
  return gently(modelling(trace, code), signal);
}

/** @param {Trace} trace @param {string} code @returns {Generator<void, Model, void>} */
function* modelling(trace, code) {
  const made = yield* buildCards(trace, code);
  const edges = yield* buildEdges(trace, made);
  const base = {
    trace,
    code,
    cards: made.cards,
    edges,
    cardById: new Map(made.cards.map((card) => [card.id, card])),
    edgeById: new Map(edges.map((edge) => [edge.id, edge])),
    cardOfTensor: made.cardOfTensor,
    cardOfNode: made.cardOfNode,
    cardOfOp: made.cardOfOp,
    tensorById: made.tensorById,
  };
  yield;
  const { steps, stepOfEvent } = yield* buildSteps(base);
  return { ...base, steps, history: yield* buildHistory(base, steps, stepOfEvent) };
}
