/**
 * One backward call of many.  A training loop runs the same graph again and
 * again; side by side the calls can't be read.  So a model with several calls
 * is looked at one call at a time: its own nodes, what they read, and the ops
 * that ran since the call before.  Calls of the same shape get the same keys,
 * so the picture stands still while its numbers change.
 *
 * @typedef {import('./types.js').Model} Model
 * @typedef {import('./types.js').Card} Card
 */

/** Models with no more cards than this and two calls are read as they are. */
const FEW_CARDS = 24;
/** A call that holds more than this share of all cards leaves nothing out. */
const MOST_OF_IT = 0.7;

/** @type {WeakMap<Model, Map<string, Model>>} */
const parts = new WeakMap();

/** @type {WeakMap<Model, boolean>} It is asked at every step. */
const divided = new WeakMap();

/** @type {WeakMap<Model, (string | null)[]>} */
const callOfStep = new WeakMap();

/** Ids of the backward calls, in the order of the run. @param {Model} model */
export function callsOf(model) {
  return model.trace.graphs.filter((graph) => graph.kind !== 'not_run').map((graph) => graph.id);
}

/**
 * Whether the calls are better seen one by one.  Not where a call walks what
 * an earlier one made (double backward): there the whole is the point.
 * @param {Model} model
 */
export function hasParts(model) {
  let known = divided.get(model);
  if (known === undefined) divided.set(model, (known = isDivided(model)));
  return known;
}

/** @param {Model} model */
function isDivided(model) {
  const calls = callsOf(model);
  if (calls.length < 2 || (calls.length === 2 && model.cards.length <= FEW_CARDS)) return false;
  if (model.trace.graphs.some((graph) => graph.nodes.some((node) => node.created_by))) return false;
  return partOf(model, calls[0]).cards.length < model.cards.length * MOST_OF_IT;
}

/**
 * The call that a step belongs to: the one that runs, the one that an op is
 * made for, else the last one begun.
 * @param {Model} model @param {number} step
 * @returns {string | null}
 */
export function callAt(model, step) {
  let calls = callOfStep.get(model);
  if (!calls) callOfStep.set(model, (calls = callsOfSteps(model)));
  return calls[Math.max(0, Math.min(step, calls.length - 1))] ?? null;
}

/** For all steps in one go: a run of 50,000 asks about each of them. @param {Model} model */
function callsOfSteps(model) {
  const calls = new Set(callsOf(model));
  let begun = model.steps.find((step) => step.graph)?.graph ?? null;
  return model.steps.map((step) => {
    if (step.graph) return (begun = step.graph);
    const own = step.kind === 'op' ? (model.cardById.get(step.cards[0])?.graphs ?? []) : [];
    // (A leaf that is updated is in all of them.)
    return own.includes(begun ?? '') ? begun : (own.find((id) => calls.has(id)) ?? begun);
  });
}

/**
 * What belongs to one call, as a model of its own with the same steps and history.
 * @param {Model} model @param {string} call  Id of its graph.
 * @returns {Model}
 */
export function partOf(model, call) {
  let known = parts.get(model);
  if (!known) parts.set(model, (known = new Map()));
  let part = known.get(call);
  if (!part) known.set(call, (part = cutOut(model, call)));
  return part;
}

/** @param {Model} model @param {string} call @returns {Model} */
function cutOut(model, call) {
  const inside = new Set(model.cards.filter((card) => card.graphs.includes(call)).map((card) => card.id));
  for (const step of model.steps) {
    const own = step.kind === 'op' && step.cards.every((id) => (model.cardById.get(id)?.graphs.length ?? 0) === 0);
    if (own && callAt(model, step.index) === call) for (const id of step.cards) inside.add(id);
  }
  for (const edge of model.edges) {
    if (edge.kind === 'forward' && inside.has(edge.target)) {
      const source = model.cardById.get(edge.source);
      if (source && source.kind !== 'op') inside.add(edge.source);
    }
  }
  const cards = rekeyed(model.cards.filter((card) => inside.has(card.id)));
  const edges = model.edges.filter((edge) => inside.has(edge.source) && inside.has(edge.target) &&
    (edge.kind === 'forward' || edge.graph === call));
  const cardById = new Map(model.cardById);
  for (const card of cards) cardById.set(card.id, card);
  return { ...model, cards, edges, cardById };
}

/** Keys counted within the part. @param {Card[]} cards @returns {Card[]} */
function rekeyed(cards) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  return cards.map((card) => {
    const base = card.key.replace(/#\d+$/, '');
    const count = counts.get(base) ?? 0;
    counts.set(base, count + 1);
    return { ...card, key: `${base}#${count}` };
  });
}
