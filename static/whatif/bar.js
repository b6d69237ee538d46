/**
 * The active what-ifs in the top bar: chips to remove, before and after, and
 * writing them into the code.
 */
import { button, h, icon, refill } from '../dom.js';

/**
 * @param {HTMLElement} host
 * @param {import('../store.js').Store<import('../state.js').State>} store
 * @param {import('../actions.js').Actions} actions
 */
export function createWhatIfBar(host, store, actions) {
  store.on(['interventions', 'view', 'model', 'comparison'], draw, { patient: true });

  let count = 0;
  let list = h('div', {});

  /** @param {import('../state.js').State} state */
  function draw(state) {
    const results = new Map((state.model?.trace.interventions ?? []).map((one) => [one.id, one]));
    const chips = state.interventions.map((one) => {
      const result = results.get(one.id);
      const idle = result && result.applied === 0;
      const why = idle ? `No effect: ${result.reason ?? 'it was not reached'}` : one.label;
      return h(
        'span', { class: 'chip chip--whatif', title: why },
        h('span', { class: 'chip__text' }, h('b', {}, one.label), idle && ' · no effect'),
        h('button', { type: 'button', class: 'chip__close', title: `Remove: ${one.label}`, 'aria-label': `Remove what if ${one.label}`, on: { click: () => actions.removeIntervention(one.id) } }, icon('x')),
      );
    });
    // The newest is in sight, and stays there when the rest of the bar comes.
    const at = list.scrollLeft;
    const ends = chips.length > count || at + list.clientWidth >= list.scrollWidth - 1;
    count = chips.length;
    list = h('div', { class: 'topbar__chips' }, chips);
    refill(
      host,
      chips.length > 0 && h('span', { class: 'topbar__if' }, 'What if'),
      chips.length > 0 && list,
      state.before && h(
        'span', { class: 'segmented', role: 'group', 'aria-label': 'Compare' },
        button({ label: 'Before', title: 'Show the program without the what-ifs', key: 'B', class: 'button--small', onClick: () => actions.setView('before'), props: { 'aria-pressed': String(state.view === 'before') } }),
        button({ label: 'After', title: 'Show the program with the what-ifs', key: 'B', class: 'button--small', onClick: () => actions.setView('after'), props: { 'aria-pressed': String(state.view === 'after') } }),
      ),
      chips.length > 0 && button({ icon: 'pencil', label: 'Write into code', title: 'Make the same change in the program', class: 'button--small button--whatif', onClick: () => actions.writeIntoCode() }),
    );
    list.scrollLeft = ends ? list.scrollWidth : at;
  }
  draw(store.get());
}
