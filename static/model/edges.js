/**
 * Forward edges (what an op read) and gradient edges (what the engine sends).
 * One use of a result is one lane, whether seen forwards or backwards.
 *
 * @typedef {import('./types.js').Trace} Trace
 * @typedef {import('./types.js').ModelEdge} ModelEdge
 * @typedef {import('./cards.js').Made} Made
 */
import { absent } from './absent.js';
import { PIECE } from './gently.js';

/**
 * @param {Trace} trace @param {Made} made
 * @returns {Generator<void, ModelEdge[], void>}
 */
export function* buildEdges(trace, made) {
  /** @type {ModelEdge[]} */
  const edges = [];
  /** @type {Set<string>} */
  const lanes = new Set();
  /** @type {Set<string>} */
  const linked = new Set();
  const none = absent(trace);
  for (const graph of trace.graphs) {
    for (let i = 0; i < graph.edges.length; i++) {
      if (i % PIECE === 0) yield;
      const edge = graph.edges[i];
      const source = made.cardOfNode.get(edge.source);
      const target = made.cardOfNode.get(edge.target);
      if (!source || !target) continue;
      const lane = `${edge.source}.${edge.input}>${edge.target}.${edge.output}`;
      const common = { input: edge.input, output: edge.output, lane };
      if (!lanes.has(lane)) {
        lanes.add(lane);
        linked.add(`${target}>${source}`);
        edges.push({
          ...common, id: `f:${lane}`, kind: 'forward', source: target, target: source,
          graph: null, gradient: null, recorded: true,
        });
      }
      if (graph.kind === 'not_run') continue;
      edges.push({
        ...common, id: edge.id, kind: 'gradient', source, target,
        graph: graph.id, gradient: edge.gradient, absent: none, recorded: true,
      });
    }
  }
  yield;
  addReads(made, edges, linked);
  return edges;
}

/**
 * What autograd does not follow: constants, ghosts, and dead ends.
 * @param {Made} made @param {ModelEdge[]} edges @param {Set<string>} linked
 */
function addReads(made, edges, linked) {
  for (const [opId, { op, sources }] of made.reads) {
    const cards = made.cardsOfOp.get(opId) ?? [];
    const inner = new Set(cards);
    sources.forEach(({ card: source }, input) => {
      if (inner.has(source) || !made.byId.has(source)) return;
      if (cards.some((card) => linked.has(`${source}>${card}`))) return;
      const target = cards[0];
      if (!target || !made.byId.has(target)) return;
      const lane = `${opId}.${input}`;
      const from = made.byId.get(source);
      const deadEnd = op.recorded && !made.byId.get(target)?.node;
      edges.push({
        id: `f:${lane}`, kind: 'forward', source, target, input, output: 0, lane,
        graph: null, gradient: null,
        recorded: deadEnd && (from?.kind === 'leaf' || from?.kind === 'op'),
      });
    });
  }
}
