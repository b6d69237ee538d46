/**
 * The timeline's events as steps: label, sentence, what lights up.
 *
 * @typedef {import('./types.js').Model} Model
 * @typedef {import('./types.js').Step} Step
 * @typedef {import('./types.js').TraceEvent} TraceEvent
 * @typedef {import('./types.js').TraceGraph} TraceGraph
 * @typedef {import('./types.js').ModelEdge} ModelEdge
 * @typedef {Omit<Model, 'steps' | 'history'>} Base
 */
import { PIECE } from './gently.js';
import { toNumber } from './numbers.js';
import { sentenceOf } from './sentence.js';
import { clip } from './source.js';

/**
 * @param {Base} base
 * @returns {Generator<void, {steps: Step[], stepOfEvent: number[]}, void>}  The step of each timeline event.
 */
export function* buildSteps(base) {
  const context = new Context(base);
  /** @type {Step[]} */
  const steps = [];
  const stepOfEvent = [];
  const events = base.trace.timeline;
  for (let i = 0; i < events.length; i++) {
    if (i % PIECE === 0) yield;
    const event = events[i];
    const next = events[i + 1];
    // An AccumulateGrad that ran and its `+=` are one step.
    const folded = event.kind === 'node' && next?.kind === 'accumulate' && next.node === event.node;
    if (context.isCutOf(event, steps.at(-1))) {
      stepOfEvent.push(steps.length - 1);
      continue;
    }
    stepOfEvent.push(steps.length);
    if (!folded) steps.push(context.step(event, steps.length));
  }
  return { steps, stepOfEvent };
}

/** Lookups that sentences need. */
export class Context {
  /** @param {Base} base */
  constructor(base) {
    this.base = base;
    this.opById = new Map(base.trace.ops.map((op) => [op.id, op]));
    /** @type {Map<string, TraceGraph>} */
    this.graphById = new Map(base.trace.graphs.map((graph) => [graph.id, graph]));
    this.backwards = base.trace.graphs.filter((graph) => graph.kind !== 'not_run');
    /** @type {Map<string, ModelEdge[]>} Gradient edges by graph and source card. */
    this.sent = new Map();
    /** @type {Map<string, ModelEdge[]>} Gradient edges by graph and target card. */
    this.received = new Map();
    /** @type {Map<string, ModelEdge[]>} Forward edges by target card. */
    this.read = new Map();
    for (const edge of base.edges) {
      if (edge.kind === 'forward') push(this.read, edge.target, edge);
      else {
        push(this.sent, `${edge.graph}|${edge.source}`, edge);
        push(this.received, `${edge.graph}|${edge.target}`, edge);
      }
    }
    /** @type {Map<string, Map<string, import('./types.js').TraceNode>>} */
    this.nodes = new Map(
      base.trace.graphs.map((graph) => [graph.id, new Map(graph.nodes.map((n) => [n.id, n]))]),
    );
  }

  /** @param {TraceEvent} event @param {number} index @returns {Step} */
  step(event, index) {
    const cards = this.cardsOf(event);
    const [card] = cards;
    const edges = this.edgesOf(event, card);
    const op = event.op ? this.opById.get(event.op) : undefined;
    const made = event.kind === 'node' && card ? this.base.cardById.get(card)?.site : null;
    const site = op?.site ?? made ?? this.graphById.get(event.graph ?? '')?.site ?? null;
    const context = this;
    /** @type {import('./types.js').Part[] | null} */
    let sentence = null;
    return {
      index,
      kind: event.kind,
      label: this.labelOf(event, card),
      // Of thousands of sentences a reader sees a few.
      get sentence() {
        sentence ??= sentenceOf(context, event, card, edges);
        return sentence;
      },
      line: event.line ?? site?.line ?? null,
      site,
      cards,
      edges: edges.map((edge) => edge.id),
      norm: this.normOf(event),
      graph: event.graph ?? null,
      node: event.node ?? null,
      op: event.op ?? null,
      text: event.text ?? null,
      updates: event.updates ?? [],
    };
  }

  /**
   * The detach of a what-if is no step of the program's: it is told with the
   * expression that it cuts.
   * @param {TraceEvent} event @param {Step | undefined} last
   */
  isCutOf(event, last) {
    if (event.kind !== 'op' || last?.kind !== 'op') return false;
    const op = this.opById.get(event.op ?? '');
    return Boolean(op?.intervention && op.name === 'detach' && this.base.cardOfOp.get(op.id) === last.cards[0]);
  }

  /** @param {TraceEvent} event @returns {string[]} */
  cardsOf(event) {
    const { cardOfOp, cardOfNode, cardOfTensor, cardById } = this.base;
    /** @type {(string | undefined)[]} */
    let ids = [];
    if (event.kind === 'op' && event.op) {
      const own = this.base.cards.length > 0 ? cardOfOp.get(event.op) : undefined;
      const op = this.opById.get(event.op);
      ids = own ? [own] : (op?.outputs ?? []).map((t) => cardOfTensor.get(t));
    } else if (event.kind === 'backward' && event.graph) {
      ids = (this.graphById.get(event.graph)?.roots ?? []).map((r) => r.node ? cardOfNode.get(r.node) : undefined);
    } else if (event.kind === 'error') {
      ids = [this.failedCard()];
    } else if (event.node) {
      ids = [cardOfNode.get(event.node)];
    } else {
      ids = (event.updates ?? []).map((update) => cardOfTensor.get(update.tensor));
    }
    const known = /** @type {string[]} */ (ids.filter((id) => id !== undefined && cardById.has(id)));
    return [...new Set(known)];
  }

  /**
   * The card whose node the engine gave up at.  Where the trace does not name it,
   * it is of those that had got all their gradients the one made last: so the
   * engine chooses.
   */
  failedCard() {
    const { error, graphs } = this.base.trace;
    const graph = graphs[graphs.length - 1];
    if (!graph?.failed || graph.site?.line !== error?.line) return undefined;
    const ran = new Set(graph.nodes.filter((node) => node.executed).map((node) => node.id));
    const waiting = new Set(graph.edges.filter((edge) => !ran.has(edge.source)).map((edge) => edge.target));
    const ready = graph.nodes.filter((node) => !ran.has(node.id) && !waiting.has(node.id));
    const last = ready.sort((a, b) => b.sequence_nr - a.sequence_nr)[0];
    return this.base.cardOfNode.get(graph.failed_node ?? last?.id ?? '');
  }

  /** @param {TraceEvent} event @param {string | undefined} card @returns {ModelEdge[]} */
  edgesOf(event, card) {
    if (!card) return [];
    if (event.kind === 'op') return this.read.get(card) ?? [];
    if (event.kind === 'node') return this.sent.get(`${event.graph}|${card}`) ?? [];
    return [];
  }

  /** @param {TraceEvent} event @param {string | undefined} cardId */
  labelOf(event, cardId) {
    const card = cardId ? this.base.cardById.get(cardId) : undefined;
    switch (event.kind) {
      case 'op': {
        const op = event.op ? this.opById.get(event.op) : undefined;
        const maker = card && (card.kind === 'leaf' || card.kind === 'constant');
        return clip((maker || !card ? op?.name : card.title) ?? 'op', 18);
      }
      case 'backward':
        return this.graphById.get(event.graph ?? '')?.kind === 'grad' ? 'grad()' : 'backward()';
      case 'node':
        return clip((card?.engine ?? 'node').replace(/Backward\d*$/, ''), 18);
      case 'accumulate':
        return `${clip(this.leafName(event, card), 14)}.grad +=`;
      case 'optimizer_step':
        return 'step()';
      default:
        return event.kind;
    }
  }

  /** @param {TraceEvent} event @param {import('./types.js').Card | undefined} card */
  leafName(event, card) {
    return card?.names[0] ?? this.nameOf(event.updates?.[0]?.tensor) ?? 'leaf';
  }

  /** @param {string | undefined} tensor */
  nameOf(tensor) {
    return tensor ? this.base.tensorById.get(tensor)?.names[0] : undefined;
  }

  /** @param {TraceEvent} event @returns {number | null} */
  normOf(event) {
    if (event.kind === 'node' && event.graph && event.node) {
      const upstream = this.nodes.get(event.graph)?.get(event.node)?.upstream ?? [];
      return total(upstream.map((summary) => summary?.norm));
    }
    if (event.kind === 'accumulate') return total((event.updates ?? []).filter((u) => u.grad !== false).map((u) => u.after?.norm));
    if (event.kind === 'backward' && event.graph) {
      return total((this.graphById.get(event.graph)?.roots ?? []).map((root) => root.gradient?.norm));
    }
    return null;
  }
}

/** @param {(import('./types.js').Num | null | undefined)[]} norms @returns {number | null} */
function total(norms) {
  const present = norms.filter((norm) => norm !== null && norm !== undefined);
  return present.length === 0 ? null : Math.hypot(...present.map(toNumber));
}

/** @template K, V @param {Map<K, V[]>} map @param {K} key @param {V} value */
function push(map, key, value) {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}
