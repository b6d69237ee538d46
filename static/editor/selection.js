/**
 * Selecting code offers what can be done with it: no_grad for its lines, detach
 * for an expression that has a card.
 */
import { StateField, showTooltip } from 'codemirror';
import { button, h } from '../dom.js';
import { shown } from '../state.js';
import { positionOf, rangeOf } from './spans.js';

/**
 * @typedef {import('../store.js').Store<import('../state.js').State>} Store
 * @typedef {import('../actions.js').Actions} Actions
 * @typedef {import('codemirror').EditorState} EditorState
 */

/** @param {Store} store @param {Actions} actions */
export function selectionActions(store, actions) {
  /** @param {EditorState} editor @returns {import('codemirror').Tooltip | null} */
  function tooltip(editor) {
    const { from, to, empty } = editor.selection.main;
    const state = store.get();
    if (empty || state.ranCode !== editor.doc.toString()) return null;
    const text = editor.sliceDoc(from, to);
    if (text.trim() === '') return null;
    const first = editor.doc.lineAt(from).number;
    const last = editor.doc.lineAt(to > from && editor.doc.lineAt(to).from === to ? to - 1 : to).number;
    const card = shown(state)?.cards.find((one) => {
      if (!one.site) return false;
      const range = rangeOf(editor.doc, one.site);
      return range.from === from && range.to === to;
    });
    const lines = first === last ? `line ${first}` : `lines ${first} to ${last}`;
    return {
      pos: positionOf(editor.doc, from).line === first ? from : to,
      above: false,
      create: () => ({
        dom: h(
          'div',
          { class: 'cm-what-if', role: 'toolbar', 'aria-label': 'What if' },
          card && button({ icon: 'scissors', label: 'detach', title: 'What if this were detached', class: 'button--small button--whatif', onClick: () => actions.intervene('detach', card, { every: true }) }),
          button({
            icon: 'eyeOff', label: `no_grad for ${lines}`, title: 'What if these ran under no_grad', class: 'button--small button--whatif',
            onClick: () => actions.interveneLines(first, last),
          }),
        ),
      }),
    };
  }

  return StateField.define({
    create: tooltip,
    update: (old, transaction) => (transaction.docChanged || transaction.selection ? tooltip(transaction.state) : old),
    provide: (field) => showTooltip.from(field),
  });
}
