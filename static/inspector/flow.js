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

/** The card's node as that graph has it. @param {Card} card @param {TraceGraph | null} graph @returns {TraceNode | null} */
export function nodeIn(card, graph) {
  const { node } = card;
  if (!node) return null;
  return graph?.nodes.find((one) => one.id === node.id) ?? node;
}

/** @param {Model} model @param {Card} card @param {TraceGraph | null} graph */
export function sentBy(model, card, graph) {
  return model.edges
    .filter((edge) => edge.kind === 'gradient' && edge.source === card.id && edge.graph === (graph?.id ?? null))
    .sort((a, b) => a.input - b.input);
}

/** @param {Model} model @param {Card} card @param {TraceGraph | null} graph */
export function receivedBy(model, card, graph) {
  return model.edges.filter((edge) => edge.kind === 'gradient' && edge.target === card.id && edge.graph === (graph?.id ?? null));
}

/** Cards whose results this one used, and cards that used its result. @param {Model} model @param {Card} card */
export function neighbours(model, card) {
  /** @type {Set<string>} */
  const uses = new Set();
  /** @type {Set<string>} */
  const usedBy = new Set();
  for (const edge of model.edges) {
    if (edge.kind !== 'forward') continue;
    if (edge.target === card.id) uses.add(edge.source);
    if (edge.source === card.id) usedBy.add(edge.target);
  }
  const cards = (/** @type {Set<string>} */ ids) => [...ids].map((id) => model.cardById.get(id)).filter((one) => one !== undefined);
  return { uses: cards(uses), usedBy: cards(usedBy) };
}

/**
 * Leaves below a card, and whether each would lose all of its gradient or only
 * the part that comes through this card, if it were detached.
 * @param {Model} model @param {Card} card @param {TraceGraph | null} graph
 * @returns {{lost: Card[], reduced: Card[], rootless: boolean}}
 */
export function ifDetached(model, card, graph) {
  const edges = model.edges.filter((edge) => edge.kind === 'gradient' && edge.graph === (graph?.id ?? null));
  /** @type {Map<string, string[]>} */
  const next = new Map();
  for (const edge of edges) next.set(edge.source, [...(next.get(edge.source) ?? []), edge.target]);
  const roots = new Set((graph?.roots ?? []).map((root) => (root.node ? model.cardOfNode.get(root.node) : undefined)));
  const below = reach(next, [card.id], null);
  const around = reach(next, [...roots].filter((id) => id !== undefined), card.id);
  const leaves = [...below].map((id) => model.cardById.get(id)).filter((one) => one?.kind === 'leaf' && one.id !== card.id);
  const isCard = (/** @type {Card | undefined} */ one) => one !== undefined;
  return {
    lost: leaves.filter(isCard).filter((one) => !around.has(one.id)),
    reduced: leaves.filter(isCard).filter((one) => around.has(one.id)),
    rootless: ![...around].some((id) => model.cardById.get(id)?.kind === 'leaf'),
  };
}

/** @param {Map<string, string[]>} next @param {string[]} from @param {string | null} without */
function reach(next, from, without) {
  const seen = new Set(from.filter((id) => id !== without));
  const queue = [...seen];
  for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
    for (const to of next.get(id) ?? []) {
      if (to === without || seen.has(to)) continue;
      seen.add(to);
      queue.push(to);
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
