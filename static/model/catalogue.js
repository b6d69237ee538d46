/**
 * What cards are made from: the engine's nodes over all backward calls, and
 * names for expressions.
 *
 * @typedef {import('./types.js').Trace} Trace
 * @typedef {import('./types.js').TraceOp} TraceOp
 * @typedef {import('./types.js').TraceNode} TraceNode
 */
import { clip, shortTitles, spanKey } from './source.js';

const LONGEST_TITLE = 34;

/** The engine's nodes, each once, however many backward calls ran it. */
export class NodeIndex {
  /** @param {Trace} trace */
  constructor(trace) {
    /** @type {Map<string, {node: TraceNode, graphs: string[]}>} */
    this.byId = new Map();
    /** @type {Map<string, TraceNode[]>} In the order in which they were made. */
    this.ofOp = new Map();
    /** @type {Map<string, TraceNode>} By leaf. */
    this.accumulatorOf = new Map();
    /** @type {Map<string, string>} Where a backward call began: its tensor, by node. */
    this.rootTensors = new Map();
    this.roots = new Set(trace.graphs.flatMap((graph) => graph.roots.map((root) => root.node)));
    for (const graph of trace.graphs) {
      for (const node of graph.nodes) this.add(node, graph.id);
      for (const { node, tensor } of graph.roots) if (node && tensor) this.rootTensors.set(node, tensor);
    }
    for (const list of this.ofOp.values()) list.sort((a, b) => a.sequence_nr - b.sequence_nr);
  }

  /** @param {TraceNode} node @param {string} graph */
  add(node, graph) {
    const known = this.byId.get(node.id);
    if (known) {
      known.graphs.push(graph);
      if (!known.node.executed && node.executed) known.node = node;
      return;
    }
    this.byId.set(node.id, { node, graphs: [graph] });
    if (node.tensor) this.accumulatorOf.set(node.tensor, node);
    else if (node.op) this.ofOp.set(node.op, [...(this.ofOp.get(node.op) ?? []), node]);
  }
}

/** What an op is called on its card. */
export class Titles {
  /** @param {TraceOp[]} ops @param {string} code */
  constructor(ops, code) {
    this.bySpan = shortTitles(ops, code);
    /** Spans that ran more than once. */
    this.repeated = new Set(ops.flatMap(({ site }) => (site && site.occurrence > 0 ? [spanKey(site)] : [])));
    /** Runs of an expression that made several ops: calls of modules and functions. */
    this.crowded = new Set();
    const met = new Set();
    for (const { site, intervention } of ops) {
      if (!site || intervention) continue;
      const run = runKey(site);
      if (met.has(run)) this.crowded.add(run);
      met.add(run);
    }
  }

  /** @param {TraceOp} op */
  titleOf(op) {
    const title = op.site ? this.bySpan.get(spanKey(op.site)) : '';
    const shared = op.parent || (op.site && this.crowded.has(runKey(op.site)));
    if (shared || !title || title === '…') return op.name;
    return clip(title, LONGEST_TITLE);
  }

  /** Loop iterations, or which time it is that this expression runs. @param {TraceOp | null} op */
  iterationOf(op) {
    if (op?.iteration?.length) return op.iteration;
    return op?.site && this.repeated.has(spanKey(op.site)) ? [op.site.occurrence] : [];
  }
}

/** One run of an expression. @param {import('./types.js').Site} site */
function runKey(site) {
  return `${spanKey(site)}@${site.occurrence}`;
}
