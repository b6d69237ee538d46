/**
 * A trace becomes a model: cards, the edges between them, steps and history.
 *
 * @typedef {import('./types.js').Trace} Trace
 * @typedef {import('./types.js').Model} Model
 */
import { buildCards } from './cards.js';
import { buildEdges } from './edges.js';
import { buildHistory } from './history.js';
import { buildSteps } from './steps.js';

/**
 * @param {Trace} trace
 * @param {string} code  The program that made it.
 * @returns {Model}
 */
export function buildModel(trace, code) {
  const made = buildCards(trace, code);
  const edges = buildEdges(trace, made);
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
  const { steps, stepOfEvent } = buildSteps(base);
  return { ...base, steps, history: buildHistory(base, steps, stepOfEvent) };
}
