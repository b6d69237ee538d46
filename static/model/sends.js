/**
 * What went along many edges at once: a line between two closed groups stands
 * for thousands of them.  Their sendings by step are listed once, so that each
 * step is one binary search.
 *
 * @typedef {import('./types.js').Model} Model
 * @typedef {import('./types.js').ModelEdge} ModelEdge
 * @typedef {import('./types.js').Summary} Summary
 * @typedef {{step: number, edge: ModelEdge, gradient: Summary | null}} Sending
 */
import { countUpTo } from './search.js';

/** @type {WeakMap<ModelEdge[], {model: Model, list: Sending[]}>} */
const known = new WeakMap();

/** @param {Model} model @param {ModelEdge[]} edges @returns {Sending[]}  By step. */
function listOf(model, edges) {
  const hit = known.get(edges);
  if (hit?.model === model) return hit.list;
  /** @type {Sending[]} */
  const list = [];
  for (const edge of edges) {
    for (const { step, gradient, sent } of model.history.edges.get(edge.id) ?? []) if (sent) list.push({ step, edge, gradient });
  }
  list.sort((a, b) => a.step - b.step);
  known.set(edges, { model, list });
  return list;
}

/**
 * The last sending up to a step, and how many there were.
 * @param {Model} model @param {ModelEdge[]} edges  The same array asks again at the next step.
 * @param {number} step
 * @returns {{sent: number, last: Sending | undefined}}
 */
export function sendsUpTo(model, edges, step) {
  const list = listOf(model, edges);
  const sent = countUpTo(list, step);
  return { sent, last: list[sent - 1] };
}
