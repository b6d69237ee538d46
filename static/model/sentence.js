/**
 * What happens at a step, in one sentence with links into the picture.
 *
 * @typedef {import('./types.js').Part} Part
 * @typedef {import('./types.js').Card} Card
 * @typedef {import('./types.js').ModelEdge} ModelEdge
 * @typedef {import('./types.js').TraceEvent} TraceEvent
 * @typedef {import('./steps.js').Context} Context
 */
import { absent } from './absent.js';
import { briefNumber, flatten, formatInline, formatShape, same, sum } from './numbers.js';
import { clip } from './source.js';

/** Why autograd did not record an op, as the end of a sentence. */
export const REASONS = new Map([
  ['no_grad', 'gradients are switched off here (no_grad)'],
  ['inference_mode', 'inference mode is on'],
  ['no_input_requires_grad', 'none of its inputs requires grad'],
  ['not_differentiable', 'it has no derivative'],
  ['detached', 'it cuts its result off the graph (detach)'],
]);

/** The same in a word or three, for a card. */
export const SHORT_REASONS = new Map([
  ['no_grad', 'under no_grad'],
  ['inference_mode', 'inference mode'],
  ['no_input_requires_grad', 'no input requires grad'],
  ['not_differentiable', 'not differentiable'],
  ['detached', 'detached'],
]);

/**
 * @param {Context} context @param {TraceEvent} event
 * @param {string | undefined} cardId @param {ModelEdge[]} edges
 * @returns {Part[]}
 */
export function sentenceOf(context, event, cardId, edges) {
  const card = cardId ? context.base.cardById.get(cardId) : undefined;
  switch (event.kind) {
    case 'op':
      return opSentence(context, event, card);
    case 'backward':
      return backwardSentence(context, event, card);
    case 'node':
      return nodeSentence(context, event, card, edges);
    case 'accumulate':
      return accumulateSentence(context, event, card);
    case 'zero_grad':
      return zeroSentence(context, event);
    case 'optimizer_step':
      return (event.updates ?? []).length === 0
        ? [{ text: 'The optimizer steps, and moves nothing: no parameter has a .grad' }]
        : [{ text: 'The optimizer moves ' }, ...updateList(context, event, '')];
    case 'print':
      return [{ text: 'Prints ' }, { text: clip((event.text ?? '').trim(), 80), code: true }];
    default:
      return errorSentence(event, card);
  }
}

/** @param {TraceEvent} event @param {Card | undefined} card  Where the engine gave up. @returns {Part[]} */
function errorSentence(event, card) {
  const text = clip((event.text ?? 'The program stopped').replace(/\s+/g, ' '), 200);
  if (!card) return [{ text }];
  return [{ text: 'At ' }, { text: card.engine, code: true, ref: { kind: 'card', id: card.id } }, { text: ' for ' }, link(card), { text: ` the engine gives up: ${text}` }];
}

/** @param {Card} card @returns {Part} */
function link(card) {
  const nth = card.iteration.map((n) => ` #${n + 1}`).join('');
  return { text: card.title + nth, code: true, ref: { kind: 'card', id: card.id } };
}

/** @param {Context} context @param {TraceEvent} event @param {Card | undefined} card @returns {Part[]} */
function opSentence(context, event, card) {
  const op = event.op ? context.opById.get(event.op) : undefined;
  const assigned = assignedSentence(context, event, op);
  if (assigned) return assigned;
  if (!card) return [{ text: op?.expression ?? op?.name ?? 'an op', code: true }, { text: ' runs' }];
  if (card.cut === 'detach' && op?.name === 'detach') {
    return [{ text: 'What if: ' }, link(card), { text: ' is detached here, what follows does not know where it came from' }];
  }
  if (op?.mutated?.length && (card.kind === 'leaf' || card.kind === 'constant') && card.op !== op) {
    return [{ text: op.name, code: true }, { text: ' changes ' }, link(card), { text: ' in place, autograd does not see it' }];
  }
  const made = context.base.tensorById.get(op?.outputs[0] ?? '');
  const named = card.names.includes(card.title);
  const written = event.updates?.find(({ tensor, grad }) => !grad && tensor === op?.mutated?.[0])?.after;
  const now = written ?? made?.value;
  const value = now ? result(card, named, op?.mutated?.[0] ? now : null, now) : [];
  if (card.kind === 'leaf') {
    const collects = made && switchedOn(context, op, made)
      ? 'that will require grad later; then autograd collects its gradient in '
      : 'autograd will collect its gradient in ';
    return [link(card), ...value, { text: `: a leaf, ${collects}` }, { text: `${card.title}.grad`, code: true }];
  }
  if (card.kind === 'constant') return [link(card), ...value, { text: ': a constant for autograd, which does not follow it' }];
  if (card.kind === 'ghost') {
    const why = REASONS.get(card.reason ?? '') ?? card.reason ?? 'it was not followed';
    return [link(card), ...value, { text: `: not recorded, ${why}` }];
  }
  const record = card.node ? [{ text: ': autograd records ' }, { text: card.engine, code: true }] : [];
  const cut = card.cut === 'detach' ? [{ text: '; what if: it is detached here, what follows does not know where it came from' }] : [];
  return [link(card), ...value, ...record, ...cut];
}

/**
 * `x.grad = …` and `x.data = …`.
 * @param {Context} context @param {TraceEvent} event @param {import('./types.js').TraceOp | undefined} op
 * @returns {Part[] | null}
 */
function assignedSentence(context, event, op) {
  const update = event.updates?.[0];
  if (!update?.after || !(op?.name === 'data' || (op?.name === 'grad' && update.grad))) return null;
  const was = update.before ? ` (it was ${formatInline(update.before)})` : '';
  const unseen = op.name === 'data' ? ', which autograd does not see' : '';
  return [{ text: 'Sets ' }, nameRef(context, update.tensor, `.${op.name}`), { text: ` to ${formatInline(update.after)}${was}${unseen}` }];
}

/**
 * What an op gave, and under which name.
 * @param {Card} card @param {boolean} named  The card's title is the name.
 * @param {import('./types.js').Summary | null} changed  The value, where it changed its input in place.
 * @param {import('./types.js').Summary} value @returns {Part[]}
 */
function result(card, named, changed, value) {
  if (named) return [{ text: ` = ${formatInline(value)}` }];
  const [name] = card.names;
  if (changed) return [{ text: ' changes ' }, { text: name ?? 'its input', code: Boolean(name) }, { text: ` in place to ${formatInline(value)}` }];
  return name ? [{ text: ' gives ' }, { text: name, code: true }, { text: ` = ${formatInline(value)}` }] : [{ text: ` gives ${formatInline(value)}` }];
}

/**
 * Did an op that reads it before say that it required no grad yet?
 * @param {Context} context @param {import('./types.js').TraceOp | undefined} op
 * @param {import('./types.js').TraceTensor} tensor
 */
function switchedOn(context, op, tensor) {
  if (!op || /requires_grad/.test(op.expression ?? '')) return false;
  return context.base.trace.ops.some((one) => one.why_not_recorded === 'no_input_requires_grad' && one.inputs.includes(tensor.id));
}

/** By zero_grad(), in place or by hand: the line says it. @param {Context} context @param {TraceEvent} event @returns {Part[]} */
function zeroSentence(context, event) {
  const updates = event.updates ?? [];
  const cleared = updates.filter((update) => update.before && update.grad !== false);
  if (cleared.length === 0) return [{ text: 'zero_grad() finds nothing to clear: every ' }, { text: '.grad', code: true }, { text: ' is None' }];
  const none = cleared.every((update) => !update.after);
  /** @type {Part[]} */
  const parts = [{ text: none ? 'Clears back to None: ' : 'Clears to zero: ' }];
  cleared.slice(0, 3).forEach((update, i) => {
    parts.push({ text: i === 0 ? '' : ', ' }, nameRef(context, update.tensor, '.grad'), { text: ` (it was ${formatInline(update.before)})` });
  });
  if (cleared.length > 3) parts.push({ text: ` and ${cleared.length - 3} more` });
  return parts;
}

/** A tensor by its name, as a link. @param {Context} context @param {string} tensor @param {string} suffix @returns {Part} */
function nameRef(context, tensor, suffix) {
  const id = context.base.cardOfTensor.get(tensor);
  return { text: (context.nameOf(tensor) ?? 'a tensor') + suffix, code: true, ...(id ? { ref: /** @type {const} */ ({ kind: 'card', id }) } : {}) };
}

/** @param {Context} context @param {TraceEvent} event @param {Card | undefined} card @returns {Part[]} */
function backwardSentence(context, event, card) {
  const graph = context.graphById.get(event.graph ?? '');
  const nth = graph ? context.backwards.indexOf(graph) + 1 : 1;
  const calls = context.backwards.length + (context.base.trace.omitted.graphs ?? 0);
  const which = calls > 1 ? ` ${nth} of ${calls}` : '';
  const call = graph?.kind === 'grad' ? 'autograd.grad' : 'backward';
  /** @type {Part[]} */
  const parts = [{ text: `${call}()${which} starts` }];
  if (card) parts.push({ text: ' at ' }, card.kind === 'op' && card.names[0]
    ? { text: card.names[0], code: true, ref: { kind: 'card', id: card.id } } : link(card));
  const seed = graph?.roots[0]?.gradient;
  if (seed) parts.push({ text: `, seeded with ${formatInline(seed)}` });
  return parts;
}

/**
 * @param {Context} context @param {TraceEvent} event
 * @param {Card | undefined} card @param {ModelEdge[]} edges @returns {Part[]}
 */
function nodeSentence(context, event, card, edges) {
  if (!card) return [{ text: 'A node of the engine runs' }];
  const node = context.nodes.get(event.graph ?? '')?.get(event.node ?? '');
  const upstream = node?.upstream.find((summary) => summary !== null) ?? null;
  /** @type {Part[]} */
  const parts = [{ text: card.engine, code: true, ref: { kind: 'card', id: card.id } }];
  if (card.title !== card.engine) parts.push({ text: ' for ' }, link(card));
  const said = (/** @type {import('./types.js').Summary | null} */ gradient) => (gradient ? formatInline(gradient) : absent(context.base.trace));
  parts.push({ text: ` gets ${said(upstream)}` });
  const groups = byTarget(edges);
  if (groups.length === 0) return [...parts, { text: ' and sends nothing on' }];
  const listed = groups.slice(0, 3);
  listed.forEach((group, i) => {
    const target = context.base.cardById.get(group[0].target);
    if (!target) return;
    const last = i === listed.length - 1 && groups.length === listed.length;
    parts.push({ text: i === 0 ? ' and sends ' : last ? ' and ' : ', ' }, { text: `${said(group[0].gradient)} to ` }, link(target));
    if (group.length > 1) parts.push(...repeated(group));
  });
  if (groups.length > 3) parts.push({ text: `, and to ${groups.length - 3} more` });
  if (context.base.trace.first_nonfinite?.gradient === event.node) {
    parts.push({ text: ': the first gradient of the run that is not finite' });
  }
  return parts;
}

/** @param {ModelEdge[]} group @returns {Part[]} */
function repeated(group) {
  const equal = group.every((edge) => same(edge.gradient, group[0].gradient));
  const times = group.length === 2 ? 'twice' : `${group.length} times`;
  const together = sum(group.map((edge) => edge.gradient));
  const few = (flatten(together)?.length ?? 9) <= 4;
  const text = equal ? `, ${times}` : ` and ${group.slice(1).map((e) => formatInline(e.gradient)).join(' and ')} more`;
  return [{ text: few ? `${text}: together ${formatInline(together)}` : text }];
}

/** @param {ModelEdge[]} edges @returns {ModelEdge[][]} */
function byTarget(edges) {
  /** @type {Map<string, ModelEdge[]>} */
  const groups = new Map();
  for (const edge of edges) groups.set(edge.target, [...(groups.get(edge.target) ?? []), edge]);
  return [...groups.values()];
}

/** @param {Context} context @param {TraceEvent} event @param {Card | undefined} card @returns {Part[]} */
function accumulateSentence(context, event, card) {
  const update = event.updates?.[0];
  const name = card?.names[0] ?? context.nameOf(update?.tensor) ?? 'the leaf';
  /** @type {Part[]} */
  const parts = [{ text: `${name}.grad`, code: true, ...(card ? { ref: /** @type {const} */ ({ kind: 'card', id: card.id }) } : {}) }];
  if (!update?.after) return [...parts, { text: ' takes in a gradient whose numbers were left out' }];
  if (!update.before) return [...parts, { text: ` becomes ${formatInline(update.after)}${absent(context.base.trace) === 'None' ? ': it was None' : ''}` }];
  return [...parts, { text: ` adds up: ${formatInline(update.before)} becomes ${formatInline(update.after)}` }];
}

/** @param {Context} context @param {TraceEvent} event @param {string} suffix @returns {Part[]} */
function updateList(context, event, suffix) {
  const updates = event.updates ?? [];
  if (updates.length === 0) return [{ text: 'nothing' }];
  /** @type {Part[]} */
  const parts = [];
  updates.slice(0, 3).forEach((update, i) => {
    parts.push({ text: i === 0 ? '' : '; ' }, nameRef(context, update.tensor, suffix), { text: change(update) });
  });
  if (updates.length > 3) parts.push({ text: ` and ${updates.length - 3} more` });
  return parts;
}

/** From what to what: a large tensor's shape is said once. @param {import('./types.js').Update} update */
function change({ before, after }) {
  const [from, to] = [formatInline(before), formatInline(after)];
  if (!before || !after || !from.startsWith('a ') || !to.startsWith('a ')) return ` ${from} → ${to}`;
  return ` (${formatShape(after.shape)}), norm ${briefNumber(before.norm)} → ${briefNumber(after.norm)}`;
}
