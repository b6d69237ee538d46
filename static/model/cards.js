/**
 * One card for each thing a reader would point at: an op that autograd
 * recorded, a leaf (with its AccumulateGrad), a ghost op, a constant.
 *
 * @typedef {import('./types.js').Trace} Trace
 * @typedef {import('./types.js').TraceOp} TraceOp
 * @typedef {import('./types.js').TraceNode} TraceNode
 * @typedef {import('./types.js').TraceTensor} TraceTensor
 * @typedef {import('./types.js').Card} Card
 *
 * @typedef {object} Made
 * @property {Card[]} cards
 * @property {Map<string, Card>} byId
 * @property {Map<string, string>} cardOfTensor  The last card that made or changed it.
 * @property {Map<string, string>} cardOfNode
 * @property {Map<string, string>} cardOfOp  The card of an op's result.
 * @property {Map<string, string[]>} cardsOfOp
 * @property {Map<string, TraceTensor>} tensorById
 * @property {Map<string, {op: TraceOp, sources: {card: string, tensor: string}[]}>} reads
 *   For each op that has a card: which cards made what it read, at that time.
 */
import { NodeIndex, Titles } from './catalogue.js';
import { PIECE } from './gently.js';
import { gradIn, readable } from './names.js';
import { clip, spanKey } from './source.js';

const FLAG_OPS = new Set(['requires_grad_', 'retain_grad', 'register_hook']);

/**
 * @param {Trace} trace @param {string} code
 * @returns {Generator<void, Made, void>}
 */
export function* buildCards(trace, code) {
  const builder = new Builder(trace, code);
  for (let i = 0; i < trace.ops.length; i++) {
    if (i % PIECE === 0) yield;
    builder.addOp(trace.ops[i]);
  }
  yield;
  builder.addLooseNodes();
  yield;
  builder.finish();
  return builder;
}

/** @implements {Made} */
class Builder {
  /** @param {Trace} trace @param {string} code */
  constructor(trace, code) {
    this.trace = trace;
    this.nodes = new NodeIndex(trace);
    this.titles = new Titles(trace.ops, code);
    /** @type {Card[]} */
    this.cards = [];
    /** @type {Map<string, Card>} */
    this.byId = new Map();
    /** @type {Map<string, string>} */
    this.cardOfTensor = new Map();
    /** @type {Map<string, string>} */
    this.cardOfNode = new Map();
    /** @type {Map<string, string>} */
    this.cardOfOp = new Map();
    /** @type {Map<string, string[]>} */
    this.cardsOfOp = new Map();
    /** @type {Made['reads']} */
    this.reads = new Map();
    /** @type {Map<string, TraceTensor>} */
    this.tensorById = new Map(trace.tensors.map((tensor) => [tensor.id, tensor]));
    this.parents = new Set(trace.ops.map((op) => op.parent));
    /** @type {Map<string, number>} */
    this.keyCounts = new Map();
  }

  /** @param {TraceOp} op */
  addOp(op) {
    const nodes = this.nodes.ofOp.get(op.id) ?? [];
    if (FLAG_OPS.has(op.name) && nodes.length === 0) {
      const subject = op.inputs[0] ?? op.outputs[0];
      if (subject) this.cardOfOp.set(op.id, this.cardFor(subject, op));
      return;
    }
    if (this.foldCut(op) || (nodes.length === 0 && this.foldInPlace(op))) return;
    const composite = nodes.length === 0 && this.parents.has(op.id);
    // What runs inside an op that has a node of its own is that op's affair.
    const inside = nodes.length === 0 && op.parent && this.nodes.ofOp.has(op.parent);
    if (composite || inside) return;
    const sources = op.inputs.map((tensor) => ({ card: this.cardFor(tensor, op), tensor }));
    const ids = nodes.length > 0 ? nodes.map((node) => this.nodeCard(op, node, nodes)) : this.plainCard(op);
    if (ids.length === 0) return;
    const last = ids[ids.length - 1];
    this.cardOfOp.set(op.id, last);
    this.cardsOfOp.set(op.id, ids);
    this.reads.set(op.id, { op, sources });
    for (const tensor of op.outputs) this.cardOfTensor.set(tensor, last);
    for (const tensor of op.mutated ?? []) this.cardOfTensor.set(tensor, last);
    for (const node of nodes) {
      for (const tensor of node.outputs) {
        if (tensor) this.cardOfTensor.set(tensor, /** @type {string} */ (this.cardOfNode.get(node.id)));
      }
    }
  }

  /**
   * A detach that an intervention put behind an expression is shown on that
   * expression's own card, which keeps its place.
   * @param {TraceOp} op
   */
  foldCut(op) {
    if (!op.intervention || op.name !== 'detach' || !op.site) return false;
    const card = this.byId.get(this.cardOfTensor.get(op.inputs[0]) ?? '');
    if (!card?.site || spanKey(card.site) !== spanKey(op.site)) return false;
    card.cut = this.kindOfCut(op);
    for (const tensor of op.outputs) {
      this.cardOfTensor.set(tensor, card.id);
      card.tensors.push(tensor);
    }
    const nameless = card.names.length === 0;
    card.names = readable([...card.names, ...op.outputs.flatMap((id) => this.tensorById.get(id)?.names ?? [])]);
    const [name] = card.names;
    // The program calls the detached one by the leaf's name: to the reader it is that leaf.
    if (card.kind === 'leaf' && nameless && name) Object.assign(card, { title: name, key: this.keyOf(`tensor|${name}`) });
    this.cardOfOp.set(op.id, card.id);
    return true;
  }

  /**
   * What changes a leaf or constant in place, unseen by autograd (an
   * initialiser, an update under no_grad), belongs to its card.
   * @param {TraceOp} op
   */
  foldInPlace(op) {
    const [changed] = op.mutated ?? [];
    if (op.recorded || !changed || op.outputs.some((id) => id !== changed)) return false;
    const card = this.byId.get(this.cardFor(changed, op));
    if (card?.kind !== 'leaf' && card?.kind !== 'constant') return false;
    this.cardOfOp.set(op.id, card.id);
    return true;
  }

  /** @param {TraceOp | null} op @returns {string | null} */
  kindOfCut(op) {
    if (!op?.intervention) return null;
    const found = (this.trace.interventions ?? []).find((one) => one.id === op.intervention);
    return found?.kind ?? 'detach';
  }

  /** @param {TraceOp} op @param {TraceNode} node @param {TraceNode[]} siblings */
  nodeCard(op, node, siblings) {
    const back = siblings.length - 1 - siblings.indexOf(node);
    const title = back === 0 ? this.titles.titleOf(op) : `${op.name}: ${node.name.replace(/Backward\d*$/, '')}`;
    const tensors = /** @type {string[]} */ (node.outputs.filter((t) => t !== null));
    const results = tensors.length > 0 || back > 0 ? tensors : op.outputs;
    const entry = this.nodes.byId.get(node.id);
    const id = `c:${node.id}`;
    this.cardOfNode.set(node.id, id);
    this.add({
      ...this.opCard(op, results),
      id,
      kind: 'op',
      title,
      engine: node.name,
      node: entry?.node ?? node,
      graphs: entry?.graphs ?? [],
      root: this.nodes.roots.has(node.id),
      key: this.keyOf(`${op.name}|${op.expression ?? ''}|${back}`),
    });
    return id;
  }

  /** An op without an engine node: a leaf's or a constant's maker, a ghost, or a dead end. @param {TraceOp} op */
  plainCard(op) {
    const made = op.outputs.filter((id) => !op.inputs.includes(id));
    const changes = (op.mutated ?? []).length > 0;
    if (made.length === 0 && !changes) return [];
    if (op.inputs.length === 0 || this.makesLeaf(op)) {
      return made.map((tensor) => this.tensorCard(tensor, op));
    }
    const id = `c:${op.id}`;
    const kind = op.recorded ? 'op' : 'ghost';
    this.add({
      ...this.opCard(op, made.length > 0 ? made : (op.mutated ?? [])),
      id,
      kind,
      title: this.titles.titleOf(op),
      engine: kind === 'op' ? `${op.name} · not reached` : op.name,
      reason: kind === 'ghost' ? (op.why_not_recorded ?? 'not_differentiable') : null,
      key: this.keyOf(`${op.name}|${op.expression ?? ''}|0`),
    });
    return [id];
  }

  /** @param {TraceOp} op */
  makesLeaf(op) {
    return (
      !op.recorded &&
      op.outputs.length > 0 &&
      op.outputs.every((id) => this.nodes.accumulatorOf.has(id) && !op.inputs.includes(id))
    );
  }

  /**
   * The card that made a tensor; a tensor from nowhere gets one of its own.
   * @param {string} tensor @param {TraceOp} reader
   */
  cardFor(tensor, reader) {
    return this.cardOfTensor.get(tensor) ?? this.tensorCard(tensor, null, this.gradRead(tensor, reader));
  }

  /**
   * `x.grad`, where the expression that reads a nameless tensor names one only.
   * @param {string} tensor @param {TraceOp} reader
   */
  gradRead(tensor, reader) {
    const unknown = new Set(reader.inputs.filter((id) => id === tensor || !this.cardOfTensor.has(id)));
    return unknown.size === 1 ? gradIn(reader.expression) : null;
  }

  /** @param {string} tensorId @param {TraceOp | null} op @param {string | null} [called]  What a reader calls it. */
  tensorCard(tensorId, op, called = null) {
    const tensor = this.tensorById.get(tensorId);
    const accumulator = this.nodes.accumulatorOf.get(tensorId);
    const entry = accumulator && this.nodes.byId.get(accumulator.id);
    const leaf = Boolean(accumulator) || Boolean(tensor?.is_leaf && tensor.requires_grad);
    const id = `c:${tensorId}`;
    const [name] = readable(tensor?.names ?? []);
    const written = op ? this.titles.titleOf(op) : '';
    this.add({
      ...this.opCard(op, [tensorId]),
      id,
      kind: leaf ? 'leaf' : 'constant',
      title: name ?? (written || called || 'tensor'),
      engine: leaf ? 'AccumulateGrad' : (op?.name ?? 'constant'),
      node: entry?.node ?? null,
      graphs: entry?.graphs ?? [],
      root: accumulator ? this.nodes.roots.has(accumulator.id) : false,
      key: this.keyOf(`tensor|${name ?? op?.expression ?? ''}`),
    });
    if (accumulator) this.cardOfNode.set(accumulator.id, id);
    this.cardOfTensor.set(tensorId, id);
    return id;
  }

  /** What cards of an op have in common. @param {TraceOp | null} op @param {string[]} tensors @returns {Card} */
  opCard(op, tensors) {
    const [first] = tensors;
    return {
      id: '',
      kind: 'op',
      title: '',
      expression: op?.expression ?? '',
      engine: '',
      names: readable(tensors.flatMap((id) => this.tensorById.get(id)?.names ?? [])),
      op,
      node: null,
      graphs: [],
      tensors,
      value: (first && this.tensorById.get(first)?.value) || null,
      module: op?.module ?? null,
      site: op?.site ?? null,
      iteration: this.titles.iterationOf(op),
      reason: null,
      root: false,
      key: '',
      cut: this.kindOfCut(op),
    };
  }

  /** @param {string} key */
  keyOf(key) {
    const count = this.keyCounts.get(key) ?? 0;
    this.keyCounts.set(key, count + 1);
    return `${key}#${count}`;
  }

  /** @param {Card} card */
  add(card) {
    this.cards.push(card);
    this.byId.set(card.id, card);
  }

  /** Nodes whose op is unknown: made by a backward call (create_graph), or outside the snippet. */
  addLooseNodes() {
    for (const { node, graphs } of this.nodes.byId.values()) {
      if (this.cardOfNode.has(node.id)) continue;
      if (node.tensor) {
        this.tensorCard(node.tensor, null);
        continue;
      }
      const known = /** @type {string[]} */ (node.outputs.filter((t) => t !== null));
      const rooted = this.nodes.rootTensors.get(node.id);
      const tensors = known.length === 0 && rooted ? [rooted] : known;
      const short = node.name.replace(/Backward\d*$/, '');
      const maker = node.created_by && this.byId.get(this.cardOfNode.get(node.created_by.node) ?? '');
      const id = `c:${node.id}`;
      this.cardOfNode.set(node.id, id);
      this.add({
        ...this.opCard(null, tensors),
        id,
        title: maker ? clip(`∂(${maker.title}): ${short}`, 34) : short,
        engine: node.name,
        node,
        graphs,
        root: this.nodes.roots.has(node.id),
        key: this.keyOf(`node|${node.name}`),
      });
      for (const tensor of tensors) if (!this.cardOfTensor.has(tensor)) this.cardOfTensor.set(tensor, id);
    }
  }

  /** Constants that nothing reads and nobody named are left out. */
  finish() {
    const read = new Set();
    for (const { sources } of this.reads.values()) for (const { card } of sources) read.add(card);
    this.cards = this.cards.filter(
      (card) => card.kind !== 'constant' || card.names.length > 0 || read.has(card.id),
    );
    this.byId = new Map(this.cards.map((card) => [card.id, card]));
  }
}
