/**
 * The names of the program at the current step: value, `.grad`, or why not.
 */
import { cells } from './cells.js';
import { breakable, fill, h, icon, refill } from './dom.js';
import { openMenu } from './menu.js';
import { formatShape, stateAt } from './model/index.js';
import { clip } from './model/source.js';
import { shown } from './state.js';

/**
 * @typedef {import('./state.js').State} State
 * @typedef {import('./model/types.js').VariableState} VariableState
 */

const MOST = 200;
/** A longer name may break anywhere; the whole of a still longer one is its tooltip. */
const LONG_NAME = 12;
const LONGEST_NAME = 24;
/** Widths, px: a letter of a name, the column where a long one is broken, a number, the `+9` after the last, and all that is no number. */
const LETTER = 7.3;
const BROKEN = 80;
const NUMBER = 48;
const MORE = 22;
const AROUND = 80;

/**
 * @param {HTMLElement} host
 * @param {import('./store.js').Store<State>} store
 * @param {import('./actions.js').Actions} actions
 * @param {{openTensor: (title: string, tensor: string, kind: 'value' | 'grad') => void}} views
 */
export function createVariables(host, store, actions, views) {
  const title = h('h2', { class: 'panel__title', id: 'variables-title' });
  const body = h('div', {});
  fill(host, h('div', { class: 'panel__head' }, title), body);
  let width = host.offsetWidth;
  let names = 0;
  let drawn = '';
  /** How many of a tensor's numbers have room in one of the two columns. @param {number} size */
  const fitting = (size) => {
    const room = (width - AROUND - names) / 2;
    return size * NUMBER <= room ? size : Math.max(1, Math.floor((room - MORE) / NUMBER));
  };
  const fit = () => [1, 2, 3, 4, Infinity].map(fitting).join();
  new ResizeObserver(() => {
    width = host.offsetWidth;
    if (drawn !== fit()) draw(store.get());
  }).observe(host);

  function draw(/** @type {State} */ state) {
    const model = shown(state);
    const total = model?.steps.length ?? 0;
    title.textContent = !model ? 'Variables' : state.step >= total - 1 ? 'Variables at the end' : `Variables at step ${state.step + 1} of ${total}`;
    const list = model ? stateAt(model, state.step).variables() : [];
    if (list.length === 0) {
      refill(body, h('p', { class: 'panel__empty' }, !model ? 'Nothing has run yet.' : state.step < 0 && total > 0 ? 'None yet: the program has not begun.' : 'No name holds a tensor here.'));
      return;
    }
    names = Math.max(...list.slice(0, MOST).map(({ name }) => (name.length > LONG_NAME ? BROKEN : name.length * LETTER)));
    drawn = fit();
    refill(
      body,
      h(
        'table', { class: 'grid variables' },
        h('thead', {}, h('tr', {}, ['name', 'value', '.grad'].map((name) => h('th', { scope: 'col' }, name)), h('th', {}, h('span', { class: 'visually-hidden' }, 'what if')))),
        h('tbody', {}, list.slice(0, MOST).map((variable) => row(variable, state))),
      ),
      list.length > MOST && h('p', { class: 'panel__empty' }, `and ${list.length - MOST} more`),
    );
  }

  /** @param {VariableState} variable @param {State} state */
  function row(variable, state) {
    const { name, card, info } = variable;
    /** @type {import('./model/types.js').Ref | null} */
    const ref = card ? { kind: 'card', id: card } : null;
    const leaf = info.is_leaf && info.requires_grad;
    const most = (/** @type {import('./model/types.js').Summary | null} */ summary) =>
      (/complex/.test(summary?.dtype ?? '') ? 1 : fitting((summary?.shape ?? []).reduce((all, one) => all * one, 1)));
    const selected = ref !== null && state.selection?.id === ref.id;
    return h(
      'tr',
      {
        class: `${selected ? 'is-selected' : ''} ${variable.changed ? 'is-changed' : ''}`,
        on: { pointerenter: () => actions.hover(ref), pointerleave: () => actions.hover(null) },
      },
      h('td', {}, h('button', {
        type: 'button', class: `variables__name ${leaf ? 'is-leaf' : ''} ${name.length > LONG_NAME ? 'is-long' : ''}`, title: `${name}: ${kindOf(variable)}. Select it in the graph`, on: { click: () => actions.select(ref) },
      }, breakable(clip(name, LONGEST_NAME))), ' ', shapeOf(variable)),
      h('td', {}, variable.value ? cells(variable.value, 'value', most(variable.value)) : h('span', { class: 'none' }, variable.absent)),
      h('td', { class: 'variables__why' }, variable.grad ? cells(variable.grad, 'grad', most(variable.grad)) : reason(variable, ref)),
      h('td', {}, h('button', {
        type: 'button', class: 'button button--quiet button--small button--icon', title: `What can be done with ${name}`, 'aria-label': `What can be done with ${name}`, 'aria-haspopup': 'menu',
        on: { click: (/** @type {MouseEvent} */ event) => menu(/** @type {HTMLElement} */ (event.currentTarget), variable) },
      }, icon('chevronDown'))),
    );
  }

  /** Why there is no gradient; the inspector tells the whole of it. @param {VariableState} variable @param {import('./model/types.js').Ref | null} ref */
  function reason({ name, gradText }, ref) {
    if (!ref) return gradText || 'None';
    const explain = () => {
      actions.select(ref);
      actions.showTab('inspector');
    };
    return h('button', { type: 'button', class: 'button button--link variables__reason', title: `Why ${name}.grad is None`, on: { click: explain } }, gradText || 'None');
  }

  /** @param {HTMLElement} anchor @param {VariableState} variable */
  function menu(anchor, variable) {
    const { name, info, card } = variable;
    openMenu(anchor, [
      { group: 'What if' },
      info.is_leaf && !info.requires_grad && { icon: 'zap', label: `${name} required grad`, hint: 'requires_grad', run: () => actions.interveneName('requires_grad', name) },
      !info.is_leaf && info.requires_grad && { icon: 'pin', label: `${name} kept its gradient`, hint: 'retain_grad', run: () => actions.interveneName('retain_grad', name) },
      { icon: 'scissors', label: `${name} were detached`, hint: 'detach', run: () => actions.interveneName('detach', name) },
      { group: 'Look' },
      card !== null && { icon: 'scan', label: 'Select in the graph', run: () => actions.select({ kind: 'card', id: card }) },
      { icon: 'maximize2', label: 'Open the value', run: () => views.openTensor(name, variable.tensor, 'value') },
      variable.grad !== null && { icon: 'maximize2', label: 'Open the gradient', run: () => views.openTensor(`${name}.grad`, variable.tensor, 'grad') },
    ]);
  }

  store.on(['model', 'view', 'step', 'selection'], draw, { patient: true });
  draw(store.get());
}

/** Said where the numbers beside it don't show it. @param {VariableState} variable */
function shapeOf({ info, value }) {
  if (info.shape.length < 2 || value?.data === null || value === null) return null;
  return h('span', { class: 'shape', title: info.dtype }, formatShape(info.shape));
}

/** @param {VariableState} variable */
function kindOf({ info }) {
  if (!info.requires_grad) return 'not followed by autograd';
  return info.is_leaf ? 'a leaf that requires grad' : 'the result of an operation';
}
