/**
 * What the engine did at one card, read from the model: v in, Jᵀv out along
 * each edge, sums, and what would be lost if the card were detached.
 *
 * @typedef {import('../model/types.js').Model} Model
 * @typedef {import('../model/types.js').Card} Card
 * @typedef {import('../model/types.js').ModelEdge} ModelEdge
 * @typedef {import('../model/types.js').TraceNode} TraceNode
 * @typedef {import('../model/types.js').TraceGraph} TraceGraph
 */

/**
 * The backward call that the step is in, or the last one, if the card took part.
 * @param {Model} model @param {Card} card @param {string | null} now
 * @returns {TraceGraph | null}
 */
export function graphOf(model, card, now) {
  const mine = model.trace.graphs.filter((one) => card.graphs.includes(one.id));
  return mine.find((one) => one.id === now) ?? mine.find((one) => one.kind !== 'not_run') ?? mine[0] ?? null;
}

/**
 * @typedef {object} Wiring  Edges by their ends, made once for a model.
 * @property {Map<string | null, Map<string, ModelEdge[]>>} sent  By graph, then by source card.
 * @property {Map<string | null, Map<string, ModelEdge[]>>} received  By graph, then by target card.
 * @property {Map<string, Set<string>>} uses  Card -> cards whose results it used.
 * @property {Map<string, Set<string>>} usedBy
 * @property {Map<string, Map<string, TraceNode>>} nodes  By graph.
 * @property {Map<string, Cut>} cuts  Answers of ifDetached so far.
 */

/** @type {WeakMap<Model, Wiring>} */
const wirings = new WeakMap();

/** @param {Model} model @returns {Wiring} */
function wiringOf(model) {
  const known = wirings.get(model);
  if (known) return known;
  /** @type {Wiring} */
  const wiring = { sent: new Map(), received: new Map(), uses: new Map(), usedBy: new Map(), nodes: new Map(), cuts: new Map() };
  for (const edge of model.edges) {
    if (edge.kind === 'gradient') {
      put(wiring.sent, edge.graph, edge.source, edge);
      put(wiring.received, edge.graph, edge.target, edge);
    } else {
      setIn(wiring.uses, edge.target).add(edge.source);
      setIn(wiring.usedBy, edge.source).add(edge.target);
    }
  }
  for (const graph of model.trace.graphs) wiring.nodes.set(graph.id, new Map(graph.nodes.map((node) => [node.id, node])));
  wirings.set(model, wiring);
  return wiring;
}

/** @param {Wiring['sent']} map @param {string | null} graph @param {string} card @param {ModelEdge} edge */
function put(map, graph, card, edge) {
  let byCard = map.get(graph);
  if (!byCard) map.set(graph, (byCard = new Map()));
  const list = byCard.get(card);
  if (list) list.push(edge);
  else byCard.set(card, [edge]);
}

/** @param {Map<string, Set<string>>} map @param {string} key */
function setIn(map, key) {
  const set = map.get(key) ?? new Set();
  if (set.size === 0) map.set(key, set);
  return set;
}

/** The card's node as that graph has it. @param {Model} model @param {Card} card @param {TraceGraph | null} graph @returns {TraceNode | null} */
export function nodeIn(model, card, graph) {
  const { node } = card;
  if (!node) return null;
  return (graph && wiringOf(model).nodes.get(graph.id)?.get(node.id)) ?? node;
}

/** In the order of the forward op's inputs. @param {Model} model @param {Card} card @param {TraceGraph | null} graph */
export function sentBy(model, card, graph) {
  return (wiringOf(model).sent.get(graph?.id ?? null)?.get(card.id) ?? []).toSorted((a, b) => a.input - b.input);
}

/** @param {Model} model @param {Card} card @param {TraceGraph | null} graph */
export function receivedBy(model, card, graph) {
  return wiringOf(model).received.get(graph?.id ?? null)?.get(card.id) ?? [];
}

/** Cards whose results this one used, and cards that used its result. @param {Model} model @param {Card} card */
export function neighbours(model, card) {
  const { uses, usedBy } = wiringOf(model);
  const cards = (/** @type {Set<string> | undefined} */ ids) =>
    [...(ids ?? [])].map((id) => model.cardById.get(id)).filter((one) => one !== undefined);
  return { uses: cards(uses.get(card.id)), usedBy: cards(usedBy.get(card.id)) };
}

/**
 * @typedef {{lost: Card[], reduced: Card[], rootless: boolean}} Cut
 *
 * Leaves below a card, and whether each would lose all of its gradient or only
 * the part that comes through this card, if it were detached.
 * @param {Model} model @param {Card} card @param {TraceGraph | null} graph
 * @returns {Cut}
 */
export function ifDetached(model, card, graph) {
  const { cuts, sent } = wiringOf(model);
  const key = `${graph?.id ?? null}|${card.id}`;
  const known = cuts.get(key);
  if (known) return known;
  const roots = new Set((graph?.roots ?? []).map((root) => (root.node ? model.cardOfNode.get(root.node) : undefined)));
  const next = sent.get(graph?.id ?? null) ?? new Map();
  const below = reach(next, [card.id], null);
  const around = reach(next, [...roots].filter((id) => id !== undefined), card.id);
  const leaves = [...below].map((id) => model.cardById.get(id)).filter((one) => one !== undefined)
    .filter((one) => one.kind === 'leaf' && one.id !== card.id);
  const cut = {
    lost: leaves.filter((one) => !around.has(one.id)),
    reduced: leaves.filter((one) => around.has(one.id)),
    rootless: ![...around].some((id) => model.cardById.get(id)?.kind === 'leaf'),
  };
  cuts.set(key, cut);
  return cut;
}

/** @param {Map<string, ModelEdge[]>} next @param {string[]} from @param {string | null} without */
function reach(next, from, without) {
  const seen = new Set(from.filter((id) => id !== without));
  const queue = [...seen];
  for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
    for (const { target } of next.get(id) ?? []) {
      if (target === without || seen.has(target)) continue;
      seen.add(target);
      queue.push(target);
    }
  }
  return seen;
}

/** @param {number} bytes */
export function formatBytes(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 ** 2) return `${(bytes / 1024).toFixed(1)} kB`;
  return `${(bytes / 1024 ** 2).toFixed(1)} MB`;
}
