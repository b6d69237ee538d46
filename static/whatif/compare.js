/**
 * Before and after: the gradients that were kept, leaf by leaf, in a sentence
 * and in a table of those that differ.
 */
import { cells } from '../cells.js';
import { breakable, fill, h } from '../dom.js';
import { same } from '../model/numbers.js';

/**
 * @typedef {import('../model/types.js').Comparison} Comparison
 * @typedef {Comparison['leaves'][number]} Kept
 * @typedef {import('../model/types.js').Summary} Summary
 */

/** Rows of the table, and names in the sentence. */
const MOST = 40;
const MOST_NAMES = 6;

/** @param {Kept} one */
function verdict(one) {
  if (one.same) return 'same';
  if (!one.after) return 'lost';
  return one.before ? 'changed' : 'gained';
}

/** Results that keep their gradient because of `retain_grad()`. @param {Comparison} comparison @returns {Kept[]} */
function retained({ before, after }) {
  const kept = (/** @type {import('../model/types.js').Model} */ model) => new Map(model.trace.variables.filter((one) => !one.is_leaf && one.grad).map((one) => [one.name, one.grad]));
  const [old, now] = [kept(before), kept(after)];
  return [...new Set([...old.keys(), ...now.keys()])].map((name) => {
    const [a, b] = [old.get(name) ?? null, now.get(name) ?? null];
    return { name, before: a, after: b, same: same(a, b) };
  });
}

/** @param {Kept[]} all @param {string} what */
function named(all, what) {
  const list = all.filter((one) => verdict(one) === what);
  if (list.length === 0) return null;
  const names = list.slice(0, MOST_NAMES).map((one, i) => [i > 0 && ', ', h('code', {}, one.name)]);
  return [names, list.length > MOST_NAMES && ` and ${list.length - MOST_NAMES} more`];
}

/** @param {Kept[]} all */
function summary(all) {
  const [lost, gained, changed, unchanged] = ['lost', 'gained', 'changed', 'same'].map((what) => named(all, what));
  if (all.length === 0) return h('p', { class: 'panel__empty' }, 'No leaf collects a gradient in either run.');
  return h(
    'p', { class: 'compare__summary' },
    lost && ['No gradient any more: ', lost, '. '],
    gained && ['A gradient now: ', gained, '. '],
    changed && ['Another gradient: ', changed, '. '],
    unchanged && (lost || gained || changed ? ['As before: ', unchanged, '.'] : 'Every gradient is as before.'),
  );
}

/** Numbers that fit beside each other. @param {Summary | null} tensor */
const most = (tensor) => (tensor && tensor.shape.reduce((all, one) => all * one, 1) > 3 ? 2 : 3);

/**
 * @param {HTMLElement} host
 * @param {import('../store.js').Store<import('../state.js').State>} store
 */
export function createComparePanel(host, store) {
  store.on(['comparison'], ({ comparison }) => {
    host.hidden = !comparison;
    if (!comparison) return fill(host);
    const all = [...comparison.leaves, ...retained(comparison)];
    const differ = all.filter((one) => !one.same);
    fill(
      host,
      h('div', { class: 'panel__head' }, h('h2', { class: 'panel__title', id: 'compare-title' }, 'What the what-ifs change')),
      summary(all),
      differ.length > 0 && h(
        'table', { class: 'grid compare' },
        h('thead', {}, h('tr', {}, ['.grad of', 'before', 'after'].map((name) => h('th', { scope: 'col' }, name)))),
        h('tbody', {}, differ.slice(0, MOST).map((one) => h(
          'tr', {},
          h('td', {}, h('b', { class: 'mono' }, breakable(one.name))),
          h('td', {}, cells(one.before, 'grad', most(one.before))),
          h('td', {}, cells(one.after, 'grad', most(one.after))),
        ))),
      ),
      differ.length > MOST && h('p', { class: 'panel__empty' }, `and ${differ.length - MOST} more`),
    );
    return undefined;
  }, { patient: true });
}
