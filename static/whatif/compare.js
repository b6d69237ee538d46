/**
 * Before and after, leaf by leaf.
 */
import { cells } from '../cells.js';
import { fill, h } from '../dom.js';

/**
 * @param {HTMLElement} host
 * @param {import('../store.js').Store<import('../state.js').State>} store
 */
export function createComparePanel(host, store) {
  store.on(['comparison'], ({ comparison }) => {
    host.hidden = !comparison;
    if (!comparison) return fill(host);
    const { leaves } = comparison;
    fill(
      host,
      h('div', { class: 'panel__head' }, h('h2', { class: 'panel__title', id: 'compare-title' }, 'Leaf gradients, before and after')),
      leaves.length === 0 && h('p', { class: 'panel__empty' }, 'No leaf collects a gradient in either run.'),
      leaves.length > 0 && h(
        'table', { class: 'grid' },
        h('thead', {}, h('tr', {}, ['leaf', 'before', 'after', ''].map((name) => h('th', { scope: 'col' }, name || h('span', { class: 'visually-hidden' }, 'verdict'))))),
        h('tbody', {}, leaves.map((leaf) => h(
          'tr', {},
          h('td', {}, h('b', { class: 'mono' }, leaf.name)),
          h('td', {}, cells(leaf.before, 'grad', 4)),
          h('td', {}, cells(leaf.after, 'grad', 4)),
          h('td', {}, leaf.same ? 'same' : leaf.before && !leaf.after ? 'lost' : leaf.after && !leaf.before ? 'gained' : 'changed'),
        ))),
      ),
    );
    return undefined;
  });
}
