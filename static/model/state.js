/**
 * What is so right after a step.
 *
 * @typedef {import('./types.js').Model} Model
 * @typedef {import('./types.js').State} State
 * @typedef {import('./types.js').Card} Card
 * @typedef {import('./types.js').CardState} CardState
 * @typedef {import('./types.js').CardStatus} CardStatus
 * @typedef {import('./types.js').FlowEntry} FlowEntry
 * @typedef {import('./types.js').EdgeState} EdgeState
 */
import { absent } from './absent.js';
import { upTo } from './search.js';
import { sendsUpTo } from './sends.js';
import { variablesAt } from './variables.js';

/**
 * @param {Model} model
 * @param {number} step  -1: before the run.
 * @returns {State}
 */
export function stateAt(model, step) {
  return {
    step,
    graph: graphAt(model, step),
    card: (id) => cardAt(model, step, id),
    edge: (id) => edgeAt(model, step, id),
    sends: (edges) => sendsUpTo(model, edges, step),
    variables: () => variablesAt(model, step),
  };
}

/** @param {Model} model @param {number} step */
function graphAt(model, step) {
  for (let i = Math.min(step, model.steps.length - 1); i >= 0; i--) {
    if (model.steps[i].graph) return model.steps[i].graph;
  }
  return null;
}

/** @param {Model} model @param {number} step @param {string} id @returns {CardState} */
function cardAt(model, step, id) {
  const card = model.cardById.get(id);
  const history = model.history;
  const made = history.forward.get(id) ?? Infinity;
  const flow = upTo(history.flows.get(id), step);
  const tensor = card?.tensors[0];
  const values = tensor ? upTo(history.values.get(tensor), step) : undefined;
  return {
    value: made > step ? null : ((values ? values.value : card?.value) ?? null),
    gradient: gradientOf(flow),
    arrived: flow ? [flow.n, flow.of] : [0, 0],
    status: statusOf(made, flow, step),
    grad: tensor ? gradAt(model, step, tensor) : null,
    absent: absent(model.trace),
  };
}

/** @param {FlowEntry | undefined} flow @returns {CardState['gradient']} */
function gradientOf(flow) {
  if (!flow) return null;
  return flow.n === 0 && !flow.ran && flow.of > 0 ? 'pending' : flow.gradient;
}

/** @param {number} made @param {FlowEntry | undefined} flow @param {number} step @returns {CardStatus} */
function statusOf(made, flow, step) {
  if (made > step && !flow) return 'future';
  if (flow?.ran) return flow.step === step ? 'backward' : 'done';
  if (flow && flow.n > 0) return flow.n < flow.of ? 'receiving' : 'ready';
  return made === step ? 'forward' : 'idle';
}

/**
 * A tensor's `.grad` around a step; null where it never has one.  `came`: it is not None, though
 * its numbers may have been left out.
 * @param {Model} model @param {number} step @param {string} tensor
 */
export function gradAt(model, step, tensor) {
  const list = model.history.grads.get(tensor);
  if (!list) return null;
  const entry = upTo(list, step);
  if (!entry) return { before: list[0].before, after: list[0].before, changed: false, came: list[0].before !== null };
  return { before: entry.before, after: entry.after, changed: entry.step === step, came: entry.after !== null || entry.kind === 'accumulate' };
}

/** @param {Model} model @param {number} step @param {string} id @returns {EdgeState} */
function edgeAt(model, step, id) {
  const entry = upTo(model.history.edges.get(id), step);
  if (entry) {
    if (!entry.sent) return { state: 'pending', gradient: null };
    return { state: entry.step === step ? 'active' : 'done', gradient: entry.gradient };
  }
  const edge = model.edgeById.get(id);
  if (edge?.kind !== 'forward') return { state: 'pending', gradient: null };
  const made = model.history.forward.get(edge.target) ?? Infinity;
  return { state: made > step ? 'pending' : made === step ? 'active' : 'done', gradient: null };
}
