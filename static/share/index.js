/**
 * A link that holds everything: program, inputs, what-ifs, step and view.
 */
import { address } from '../api.js';
import { button, h } from '../dom.js';
import { openSheet } from '../sheet.js';
import { copy } from '../toast.js';
import { toHash } from '../url.js';

/** @typedef {import('../state.js').State} State */

/** Where reading an address starts from. @param {State} state @returns {Partial<State>} */
export function baseOf(state) {
  const lesson = state.lessons.find((one) => one.id === state.lesson);
  const last = (state.model?.steps.length ?? 0) - 1;
  return { code: lesson?.code ?? '', seed: 0, inputs: {}, gradient: null, interventions: [], view: 'after', direction: 'TB', scope: 'call', selection: null, step: last };
}

/** @param {State} state */
export async function openShare(state) {
  const hash = await toHash(state, baseOf(state));
  const link = `${location.origin}${location.pathname.replace(/embed$/, '')}${hash}`;
  const frame = `<iframe src="${address('embed')}${hash}" width="100%" height="560" title="Gradwalk"></iframe>`;
  const field = (/** @type {string} */ label, /** @type {string} */ text, /** @type {number} */ rows) => {
    const area = h('textarea', { readonly: true, rows, on: { focus: () => area.select() } }, text);
    return [
      h('label', {}, label, area),
      h('div', {}, button({ icon: 'copy', label: rows > 3 ? 'Copy frame' : 'Copy link', title: `Copy: ${label.toLowerCase()}`, onClick: () => void copy(text, label === 'Link' ? 'The link was' : 'The frame was') })),
    ];
  };
  openSheet('Share', [
    h(
      'div', { class: 'share' },
      h('p', {}, 'The link itself holds the program, seed, inputs, what-ifs and the step. Nothing is stored on the server.'),
      field('Link', link, 3),
      field('Frame for a course page', frame, 4),
    ),
  ]);
}
