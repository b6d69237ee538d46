/**
 * When what changes: for every card, edge, tensor and name the list of its
 * changes by step, so that the state at any step is one binary search away and
 * walking back is as cheap as walking forward.
 *
 * @typedef {import('./types.js').Step} Step
 * @typedef {import('./types.js').Summary} Summary
 * @typedef {import('./types.js').History} History
 * @typedef {import('./types.js').ModelEdge} ModelEdge
 * @typedef {import('./types.js').TraceGraph} TraceGraph
 * @typedef {import('./types.js').FlowEntry} FlowEntry
 * @typedef {import('./steps.js').Base} Base
 */
import { PIECE } from './gently.js';
import { sum } from './numbers.js';

/**
 * @param {Base} base @param {Step[]} steps @param {number[]} stepOfEvent
 * @returns {Generator<void, History, void>}
 */
export function* buildHistory(base, steps, stepOfEvent) {
  const recorder = new Recorder(base);
  for (const step of steps) {
    if (step.index % PIECE === 0) yield;
    recorder.take(step);
  }
  recorder.settle();
  recorder.readGrads();
  recorder.bind(stepOfEvent);
  return recorder.history;
}

class Recorder {
  /** @param {Base} base */
  constructor(base) {
    this.base = base;
    /** @type {History} */
    this.history = {
      values: new Map(), grads: new Map(), flows: new Map(),
      edges: new Map(), forward: new Map(), bindings: new Map(),
    };
    this.opById = new Map(base.trace.ops.map((op) => [op.id, op]));
    this.graphById = new Map(base.trace.graphs.map((graph) => [graph.id, graph]));
    this.makersOf = this.cardsByOp();
    /** @type {Map<string, string[]>} Ops that ran inside another. */
    this.inside = new Map();
    for (const op of base.trace.ops) if (op.parent) push(this.inside, op.parent, op.id);
    /** @type {Map<string, number>} The step at which an op first had a tensor. */
    this.met = new Map();
    /** @type {Map<string, string[]>} Cards of nodes that a backward call made, by graph and node. */
    this.createdBy = new Map();
    /** Results that keep their gradient: their node adds it up as it runs. */
    this.retained = new Set(base.trace.variables.filter((one) => one.grad_status === 'retained').map((one) => one.tensor));
    /** @type {Map<string, {in: Map<string, ModelEdge[]>, out: Map<string, ModelEdge[]>, nodes: Map<string, import('./types.js').TraceNode>}>} */
    this.wiring = new Map();
    for (const card of base.cards) {
      // What no op of the snippet made was there before the run.
      const maker = card.op ? null : card.node?.created_by;
      if (maker) push(this.createdBy, `${maker.graph}|${maker.node}`, card.id);
      else if (!card.op) this.history.forward.set(card.id, -1);
    }
  }

  cardsByOp() {
    /** @type {Map<string, string[]>} */
    const map = new Map();
    for (const card of this.base.cards) if (card.op) push(map, card.op.id, card.id);
    return map;
  }

  /** @param {Step} step */
  take(step) {
    if (step.kind === 'op' && step.op) this.op(step, step.op);
    else if (step.kind === 'backward' && step.graph) this.begin(step, step.graph);
    else if (step.kind === 'node' && step.graph && step.node) {
      this.ran(step, step.graph, step.node);
      this.retain(step, step.graph, step.node);
    }
    else if (step.kind === 'accumulate') this.accumulate(step);
    else if (step.kind === 'zero_grad') this.grads(step);
    else if (step.kind === 'optimizer_step') {
      this.values(step);
    }
  }

  /** Values that the step changed in place. @param {Step} step */
  values(step) {
    for (const { tensor, before, after, grad } of step.updates) {
      if (grad) {
        push(this.history.grads, tensor, { step: step.index, before, after, kind: step.kind });
        continue;
      }
      this.value(step, tensor, before, after);
    }
  }

  /** @param {Step} step @param {string} tensor @param {Summary | null} before @param {Summary | null} after */
  value(step, tensor, before, after) {
    const known = this.history.values.get(tensor);
    if (!known?.length) push(this.history.values, tensor, { step: -1, value: before });
    push(this.history.values, tensor, { step: step.index, value: after });
  }

  /** What a leaf holds at the end is told at its name, though the numbers of the step may have been left out. */
  settle() {
    const { omitted, variables } = this.base.trace;
    // Where calls are missing, the last one that is there need not have been the last.
    if (omitted.graphs || omitted.nodes) return;
    for (const { tensor, grad, grad_status: status } of variables) {
      const end = last(this.history.grads, tensor);
      if (end?.kind === 'accumulate' && end.after === null && status === 'accumulated') end.after = grad;
    }
  }

  /**
   * A `.grad` that is read has the numbers of its leaf's `.grad`, step by step.
   * Of several that were in one place one after the other each is on its own.
   */
  readGrads() {
    const read = this.base.cards.filter((card) => card.kind === 'constant' && !card.op && card.title.endsWith('.grad'));
    for (const card of read) {
      if (read.some((other) => other !== card && other.title === card.title)) continue;
      const owner = this.base.trace.variables.find((one) => `${one.name}.grad` === card.title)?.tensor;
      const grads = (owner && this.history.grads.get(owner)) || [];
      if (grads.length === 0) continue;
      const start = { step: -1, value: grads[0].before };
      this.history.values.set(card.tensors[0], [start, ...grads.map(({ step, after }) => ({ step, value: after }))]);
    }
  }

  /** @param {Step} step @param {string} opId */
  op(step, opId) {
    for (const inner of this.inside.get(opId) ?? []) this.op(step, inner);
    for (const card of this.makersOf.get(opId) ?? []) {
      if (!this.history.forward.has(card)) this.history.forward.set(card, step.index);
    }
    if (step.op === opId) {
      for (const edgeId of step.edges) push(this.history.edges, edgeId, { step: step.index, gradient: null, sent: true });
    }
    const op = this.opById.get(opId);
    for (const tensor of [...(op?.inputs ?? []), ...(op?.outputs ?? [])]) {
      if (!this.met.has(tensor)) this.met.set(tensor, step.index);
    }
    if (step.op === opId) this.values(step);
    for (const tensor of op?.outputs ?? []) {
      if (this.history.values.has(tensor)) continue;
      push(this.history.values, tensor, { step: step.index, value: this.base.tensorById.get(tensor)?.value ?? null });
    }
  }

  /** A backward call begins: what it will run waits, its roots are seeded. @param {Step} step @param {string} graphId */
  begin(step, graphId) {
    const graph = this.graphById.get(graphId);
    if (!graph) return;
    const wiring = this.wire(graph);
    const seeds = new Map(graph.roots.map((root) => [root.node, root.gradient]));
    for (const node of graph.nodes) {
      const card = this.base.cardOfNode.get(node.id);
      if (!card) continue;
      const seed = seeds.get(node.id) ?? null;
      const of = (wiring.in.get(card)?.length ?? 0) + (seed ? 1 : 0);
      const entry = { step: step.index, graph: graphId, n: seed ? 1 : 0, of, gradient: seed, ran: false };
      push(this.history.flows, card, entry);
      for (const edge of wiring.out.get(card) ?? []) {
        push(this.history.edges, edge.id, { step: step.index, gradient: null, sent: false });
      }
    }
  }

  /** @param {TraceGraph} graph */
  wire(graph) {
    const known = this.wiring.get(graph.id);
    if (known) return known;
    /** @type {Map<string, ModelEdge[]>} */
    const into = new Map();
    /** @type {Map<string, ModelEdge[]>} */
    const out = new Map();
    for (const { id } of graph.edges) {
      const edge = this.base.edgeById.get(id);
      if (!edge) continue;
      push(into, edge.target, edge);
      push(out, edge.source, edge);
    }
    const wiring = { in: into, out, nodes: new Map(graph.nodes.map((node) => [node.id, node])) };
    this.wiring.set(graph.id, wiring);
    return wiring;
  }

  /** @param {Step} step @param {string} graphId @param {string} nodeId */
  ran(step, graphId, nodeId) {
    const graph = this.graphById.get(graphId);
    const card = this.base.cardOfNode.get(nodeId);
    if (!graph || !card) return;
    for (const made of this.createdBy.get(`${graphId}|${nodeId}`) ?? []) {
      if (!this.history.forward.has(made)) this.history.forward.set(made, step.index);
    }
    const wiring = this.wire(graph);
    const own = last(this.history.flows, card);
    if (own) push(this.history.flows, card, { ...own, step: step.index, ran: true });
    for (const edge of wiring.out.get(card) ?? []) {
      push(this.history.edges, edge.id, { step: step.index, gradient: edge.gradient, sent: true });
      this.arrive(step, wiring, edge);
    }
  }

  /** @param {Step} step @param {ReturnType<Recorder['wire']>} wiring @param {ModelEdge} edge */
  arrive(step, wiring, edge) {
    const before = last(this.history.flows, edge.target);
    if (!before) return;
    const n = before.n + 1;
    const node = this.base.cardById.get(edge.target)?.node;
    const whole = n >= before.of ? (node && wiring.nodes.get(node.id)?.upstream.find((s) => s !== null)) ?? null : null;
    const gradient = whole ?? sum([before.gradient, edge.gradient]);
    const entry = { ...before, step: step.index, n, gradient };
    const list = /** @type {FlowEntry[]} */ (this.history.flows.get(edge.target));
    if (list[list.length - 1].step === step.index) list[list.length - 1] = entry;
    else list.push(entry);
  }

  /** @param {Step} step */
  accumulate(step) {
    this.grads(step);
    for (const card of step.cards) {
      const flow = last(this.history.flows, card);
      if (flow) push(this.history.flows, card, { ...flow, step: step.index, ran: true });
    }
  }

  /** @param {Step} step */
  grads(step) {
    for (const { tensor, before, after, grad } of step.updates) {
      // A `.grad` under a name of its own holds other numbers as well.
      if (grad === false) this.value(step, tensor, before, after);
      else push(this.history.grads, tensor, { step: step.index, before, after, kind: step.kind });
    }
  }

  /** @param {Step} step @param {string} graphId @param {string} nodeId */
  retain(step, graphId, nodeId) {
    if (this.retained.size === 0) return;
    const graph = this.graphById.get(graphId);
    const node = graph && this.wire(graph).nodes.get(nodeId);
    node?.outputs.forEach((tensor, slot) => {
      if (!tensor || !this.retained.has(tensor)) return;
      const before = last(this.history.grads, tensor)?.after ?? null;
      const after = sum([before, node.upstream[slot] ?? null]);
      push(this.history.grads, tensor, { step: step.index, before, after, kind: step.kind });
    });
  }

  /**
   * What is reached through an object (`net.weight`) is there from its first op on:
   * no step tells when it was made.
   * @param {number} end
   */
  reach(end) {
    for (const { name, tensor } of this.base.trace.variables) {
      if (this.history.bindings.has(name)) continue;
      push(this.history.bindings, name, { step: this.met.get(tensor) ?? end, tensor, met: true });
    }
  }

  /** @param {number[]} stepOfEvent */
  bind(stepOfEvent) {
    const bindings = this.base.trace.bindings;
    if (bindings) {
      for (const { name, tensor, step } of bindings) {
        push(this.history.bindings, name, { step: stepOfEvent[step] ?? step, tensor });
      }
      this.reach(stepOfEvent.at(-1) ?? -1);
      return;
    }
    for (const tensor of this.base.trace.tensors) {
      const card = this.base.cardOfTensor.get(tensor.id);
      const step = card ? (this.history.forward.get(card) ?? -1) : -1;
      for (const name of tensor.names) push(this.history.bindings, name, { step, tensor: tensor.id });
    }
    for (const list of this.history.bindings.values()) list.sort((a, b) => a.step - b.step);
  }
}

/** @template V @param {Map<string, V[]>} map @param {string} key @returns {V | undefined} */
function last(map, key) {
  const list = map.get(key);
  return list?.[list.length - 1];
}

/** @template K, V @param {Map<K, V[]>} map @param {K} key @param {V} value */
function push(map, key, value) {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}
