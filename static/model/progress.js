/**
 * How far a closed group has come: of its cards, how many have their value, and
 * how many of their nodes the engine has run.
 *
 * @typedef {import('./types.js').Model} Model
 * @typedef {import('./groups.js').Group} Group
 * @typedef {{made: number, ran: number, cards: number, nodes: number}} Progress
 */

/** @type {WeakMap<Group, {model: Model, made: number[], ran: number[]}>} Steps, in order. */
const known = new WeakMap();

/**
 * @param {Model} model @param {Group} group @param {number} step
 * @returns {Progress}  nodes: runs of the engine over all backward calls.
 */
export function progressOf(model, group, step) {
  let steps = known.get(group);
  if (!steps || steps.model !== model) {
    steps = collect(model, group);
    known.set(group, steps);
  }
  return {
    made: countUpTo(steps.made, step), cards: group.cards.length,
    ran: countUpTo(steps.ran, step), nodes: steps.ran.length,
  };
}

/** @param {Model} model @param {Group} group */
function collect(model, group) {
  /** @type {number[]} */
  const made = [];
  /** @type {number[]} */
  const ran = [];
  for (const card of group.cards) {
    made.push(model.history.forward.get(card) ?? Infinity);
    for (const flow of model.history.flows.get(card) ?? []) if (flow.ran) ran.push(flow.step);
  }
  const order = (/** @type {number} */ a, /** @type {number} */ b) => a - b;
  return { model, made: made.sort(order), ran: ran.sort(order) };
}

/** @param {number[]} sorted @param {number} step */
function countUpTo(sorted, step) {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] <= step) low = middle + 1;
    else high = middle;
  }
  return low;
}
