/**
 * What-ifs of one card: what can be tried, what detaching it would do, and what
 * the active ones changed here.
 */
import { cells } from '../cells.js';
import { button, h } from '../dom.js';
import { nameFor, turnsOf } from '../whatif/targets.js';
import { ifDetached } from './flow.js';
import { cardLink } from './sections.js';

/**
 * @typedef {import('../model/types.js').Model} Model
 * @typedef {import('../model/types.js').Card} Card
 * @typedef {import('../model/types.js').Change} Change
 * @typedef {import('../state.js').State} State
 * @typedef {import('../state.js').InterventionKind} InterventionKind
 * @typedef {import('./sections.js').Links} Links
 */

/** Leaves that are named one by one. */
const MOST = 6;

/** @param {Model} model @param {Card} card @param {State} state @param {Links} links */
export function toggles(model, card, state, links) {
  const { site } = card;
  const name = nameFor(model, card);
  const here = (/** @type {State['interventions'][number]} */ { target }) =>
    'name' in target ? target.name === name : 'line' in target && site?.line === target.line && site.col === target.col && site.end_line === target.end_line && site.end_col === target.end_col;
  const active = state.interventions.filter(here);
  const turns = site && card.kind === 'op' ? turnsOf(model, card) : 1;
  const thisTurn = (/** @type {State['interventions'][number]} */ { target }) => !('line' in target) || target.occurrence === (turns > 1 ? site?.occurrence : null);
  /** @param {string} sign @param {string} label @param {InterventionKind} kind @param {string} title */
  const toggle = (sign, label, kind, title) => button({
    icon: sign, label, title, class: 'button--small button--whatif',
    props: { 'aria-pressed': String(active.some((one) => one.kind === kind && thisTurn(one))) }, onClick: () => links.actions.intervene(kind, card),
  });
  return [
    site && (card.kind === 'op' || card.kind === 'leaf' || (card.kind === 'constant' && active.some((one) => one.kind === 'detach'))) && toggle('scissors', 'Detach here', 'detach', card.kind === 'leaf' ? 'What if: it did not require grad' : 'What if: no gradient came back through here'),
    turns > 1 && button({
      icon: 'scissors', label: `in all ${turns} turns`, title: 'What if: no gradient came back through here in any turn', class: 'button--small button--whatif',
      props: { 'aria-pressed': String(active.some((one) => one.kind === 'detach' && !thisTurn(one))) }, onClick: () => links.actions.intervene('detach', card, { every: true }),
    }),
    site && card.kind === 'op' && toggle('eyeOff', 'no_grad', 'no_grad', 'What if: this ran under torch.no_grad()'),
    card.kind === 'op' && name && toggle('pin', 'retain_grad', 'retain_grad', `What if: ${name}.grad were kept`),
    card.kind === 'constant' && name && toggle('zap', 'requires_grad', 'requires_grad', `What if: ${name} required grad`),
    card.cut && site && card.kind === 'ghost' && toggle('undo2', 'Undo the cut', active[0]?.kind ?? 'detach', 'Take this what-if back'),
  ];
}

/** @param {Change['gradient']} kind */
const verdict = (kind) => ({ lost: 'gone', gained: 'new', changed: 'changed', same: 'same', removed: 'gone', added: 'new' })[kind];

/** What the active what-ifs did to the gradient here. @param {Card} card @param {State} state @param {Links} links */
export function changeSection(card, state, links) {
  const { comparison, view } = state;
  const change = (view === 'before' ? comparison?.byBefore : comparison?.byAfter)?.get(card.id);
  if (!change || change.gradient === 'same') return null;
  const row = (/** @type {'before' | 'after'} */ when, /** @type {import('../model/types.js').Summary | null} */ gradient) => h('tr', {},
    h('td', { class: 'left' }, button({ label: when === 'before' ? 'without' : 'with', title: `Show the run ${when === 'before' ? 'without' : 'with'} the what-ifs`, class: 'button--link', onClick: () => links.actions.setView(when) })),
    h('td', {}, cells(gradient, 'grad', 4)));
  return h(
    'section', { 'aria-label': 'Changed here by the what-ifs' },
    h('h3', {}, card.kind === 'leaf' ? '.grad' : 'Gradient', ' with the what-ifs', h('span', { class: 'chip chip--change' }, verdict(change.gradient))),
    h('table', { class: 'grid' }, h('tbody', {}, row('before', change.gradientBefore), row('after', change.gradientAfter))),
  );
}

/** What detaching would do, read off the graph. @param {Model} model @param {Card} card @param {import('../model/types.js').TraceGraph} graph @param {Links} links */
export function detachSection(model, card, graph, links) {
  const { lost, reduced, rootless } = ifDetached(model, card, graph);
  if (lost.length + reduced.length === 0) return null;
  const list = (/** @type {Card[]} */ cards) => cards.slice(0, MOST).map((one, i) => [i > 0 && ', ', cardLink(one, links)]).concat(cards.length > MOST ? [[` and ${cards.length - MOST} more`]] : []);
  return h(
    'section', { 'aria-label': 'If detached here' },
    h('h3', {}, 'If it were detached here'),
    h(
      'div', { class: 'inspect__cut' },
      lost.length > 0 && h('p', {}, list(lost), ' would get ', h('b', {}, 'no gradient'), ': every path from the root passes through here.'),
      reduced.length > 0 && h('p', {}, list(reduced), ' would lose ', h('b', {}, 'one part'), ' of the sum: other paths remain.'),
      rootless && h('p', {}, 'No leaf would be left to reach, so backward() itself would fail.'),
    ),
  );
}
