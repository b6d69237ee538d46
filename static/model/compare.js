/**
 * Two runs of one program, before and after an intervention.
 *
 * @typedef {import('./types.js').Model} Model
 * @typedef {import('./types.js').Card} Card
 * @typedef {import('./types.js').Change} Change
 * @typedef {import('./types.js').Comparison} Comparison
 * @typedef {import('./types.js').ModelEdge} ModelEdge
 * @typedef {import('./types.js').Summary} Summary
 */
import { same } from './numbers.js';
import { gradAt, stateAt } from './state.js';

/**
 * @param {Model} before @param {Model} after
 * @returns {Comparison}
 */
export function compare(before, after) {
  const match = matchCards(before, after);
  const changes = listChanges(before, after, match);
  return {
    before,
    after,
    match,
    changes,
    byAfter: new Map(changes.flatMap((change) => (change.after ? [[change.after, change]] : []))),
    byBefore: new Map(changes.flatMap((change) => (change.before ? [[change.before, change]] : []))),
    severed: severedEdges(before, after, match),
    leaves: compareLeaves(before, after, match),
  };
}

/**
 * Cards with the same key, and leaves or results that have the same names.
 * @param {Model} before @param {Model} after
 */
function matchCards(before, after) {
  const byKey = new Map(after.cards.map((card) => [card.key, card.id]));
  /** @type {Map<string, string>} */
  const match = new Map();
  for (const card of before.cards) {
    const other = byKey.get(card.key);
    if (other) match.set(card.id, other);
  }
  return match;
}

/** The gradient that a card ends with. @param {Model} model @param {string} id @returns {Summary | null} */
function finalGradient(model, id) {
  const card = model.cardById.get(id);
  const end = model.steps.length - 1;
  if (card?.kind === 'leaf') return gradAt(model, end, card.tensors[0])?.after ?? null;
  const { gradient } = stateAt(model, end).card(id);
  return gradient === 'pending' ? null : gradient;
}

/** @param {Model} before @param {Model} after @param {Map<string, string>} match @returns {Change[]} */
function listChanges(before, after, match) {
  /** @type {Change[]} */
  const changes = [];
  const seen = new Set(match.values());
  for (const card of before.cards) {
    const id = match.get(card.id);
    const old = finalGradient(before, card.id);
    if (!id) {
      changes.push(change(card, null, 'removed', old, null));
      continue;
    }
    const other = /** @type {Card} */ (after.cardById.get(id));
    const now = finalGradient(after, id);
    const kind = same(old, now) ? 'same' : old && !now ? 'lost' : !old && now ? 'gained' : 'changed';
    const one = change(card, other, kind, old, now);
    if (kind !== 'same' || one.value === 'changed' || card.kind !== other.kind) changes.push(one);
  }
  for (const card of after.cards) {
    if (!seen.has(card.id)) changes.push(change(null, card, 'added', null, finalGradient(after, card.id)));
  }
  return changes;
}

/**
 * @param {Card | null} before @param {Card | null} after @param {Change['gradient']} gradient
 * @param {Summary | null} old @param {Summary | null} now @returns {Change}
 */
function change(before, after, gradient, old, now) {
  return {
    key: (before ?? after)?.key ?? '',
    before: before?.id ?? null,
    after: after?.id ?? null,
    gradient,
    gradientBefore: old,
    gradientAfter: now,
    value: before && after && !same(before.value, after.value) ? 'changed' : 'same',
  };
}

/**
 * Uses that autograd followed before and does not follow now.
 * @param {Model} before @param {Model} after @param {Map<string, string>} match
 * @returns {ModelEdge[]}
 */
function severedEdges(before, after, match) {
  /** @type {Map<string, number>} */
  const followed = new Map();
  for (const edge of after.edges) {
    if (edge.kind !== 'forward' || !edge.recorded) continue;
    const key = `${edge.source}>${edge.target}`;
    followed.set(key, (followed.get(key) ?? 0) + 1);
  }
  const severed = [];
  for (const edge of before.edges) {
    if (edge.kind !== 'forward' || !edge.recorded) continue;
    const source = match.get(edge.source);
    const target = match.get(edge.target);
    if (!source || !target) continue;
    const key = `${source}>${target}`;
    const left = followed.get(key) ?? 0;
    if (left > 0) followed.set(key, left - 1);
    else severed.push({ ...edge, id: `s:${edge.lane}`, source, target, recorded: false, cut: isCut(before, after, edge, source, target) });
  }
  return severed;
}

/**
 * The what-if cut this very use: autograd still knows where its value comes
 * from.  Further down nothing is cut: what comes of a cut value just does not
 * require grad any more.
 * @param {Model} before @param {Model} after @param {ModelEdge} edge  Of before.
 * @param {string} source @param {string} target  In after.
 */
function isCut(before, after, edge, source, target) {
  const maker = after.cardById.get(source);
  if (maker?.kind === 'op' || maker?.kind === 'leaf') return true;
  return before.cardById.get(edge.source)?.kind === 'leaf' || Boolean(after.cardById.get(target)?.cut && maker?.kind !== 'ghost');
}

/**
 * Each leaf with what it ended with in both runs.
 * @param {Model} before @param {Model} after @param {Map<string, string>} match @returns {Comparison['leaves']}
 */
function compareLeaves(before, after, match) {
  const leaves = (/** @type {Model} */ model) => model.cards.filter((card) => card.kind === 'leaf');
  const old = leaves(before).map((card) => leaf(card, finalGradient(before, card.id), gradientOf(after, match.get(card.id))));
  const known = new Set(leaves(before).map((card) => match.get(card.id)));
  return [...old, ...leaves(after).filter((card) => !known.has(card.id)).map((card) => leaf(card, null, finalGradient(after, card.id)))];
}

/** @param {Model} model @param {string | undefined} id */
const gradientOf = (model, id) => (id === undefined ? null : finalGradient(model, id));

/** @param {Card} card @param {Summary | null} old @param {Summary | null} now */
const leaf = (card, old, now) => ({ name: card.names[0] ?? card.title, before: old, after: now, same: same(old, now) });
