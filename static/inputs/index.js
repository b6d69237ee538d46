/**
 * Leaves as sliders and cells: dragging runs the program again, live.
 */
import { button, fill, h } from '../dom.js';
import { formatNumber, formatShape } from '../model/index.js';
import { clip } from '../model/source.js';

/**
 * @typedef {import('../state.js').State} State
 * @typedef {{name: string, tensor: string | null, shape: number[], dtype: string, requires_grad: boolean, data: any, source: string}} InputUsed
 */

const SLIDERS = 8;
/** The whole of a longer label is its tooltip. */
const LONGEST_LABEL = 18;

/**
 * @param {HTMLElement} host
 * @param {import('../store.js').Store<State>} store
 * @param {import('../actions.js').Actions} actions
 */
export function createInputs(host, store, actions) {
  const reset = button({ icon: 'rotateCcw', label: 'Reset', title: 'Give all inputs their own values again', class: 'button--small button--quiet', onClick: () => actions.resetInputs() });
  const body = h('div', {});
  fill(host, h('div', { class: 'panel__head' }, h('h2', { class: 'panel__title', id: 'inputs-title' }, 'Inputs, drag to run live'), reset), body);
  /** @type {string} */
  let layout = '';
  /** @type {{input: HTMLInputElement, name: string, i: number, said: number | null}[]}  said: the number that was written last. */
  let fields = [];

  function draw(/** @type {State} */ state) {
    const inputs = used(state).filter((one) => flat(one.data).length > 0 && /float|double|int/.test(one.dtype));
    host.hidden = inputs.length === 0;
    reset.hidden = Object.keys(state.inputs).length === 0;
    // Another program may have other numbers under the same names: its sliders reach elsewhere.
    const now = JSON.stringify([state.ranCode, state.seed, inputs.map(({ name, shape, dtype }) => [name, shape, dtype])]);
    if (now !== layout) {
      layout = now;
      fields = [];
      fill(body, inputs.map((one) => leaf(one)));
    }
    // Fields that are being dragged keep what the hand says.
    const active = document.activeElement?.matches(':active') ? document.activeElement : null;
    const numbers = new Map(inputs.map(({ name, data }) => [name, flat(state.inputs[name]?.value ?? data)]));
    for (const field of fields) {
      // What was asked for last, even if its run has not come back yet.
      const number = numbers.get(field.name)?.[field.i] ?? 0;
      if (field.input === active) field.said = null;
      else if (field.said !== number) write(field.input, (field.said = number));
    }
  }

  /** @param {string} name @returns {InputUsed | undefined} */
  const current = (name) => used(store.get()).find((one) => one.name === name);

  /** @param {InputUsed} one */
  function leaf(one) {
    const numbers = flat(one.data);
    const { name, shape } = one;
    const sliders = numbers.length <= SLIDERS;
    const reach = reachOf(numbers);
    return h(
      'div', { role: 'group', 'aria-label': `Values of ${name}` },
      (shape.length > 0 || !sliders) && h('div', { class: 'inputs__name' }, name, h('span', { class: 'shape' }, formatShape(shape)), one.source === 'default' && h('span', { class: 'shape' }, 'chosen for you')),
      sliders
        ? h('div', { class: 'sliders' }, numbers.map((_, i) => slider(one, i, reach)))
        : table(one, numbers),
    );
  }

  /** @param {InputUsed} one @param {number} i @param {number} reach */
  function slider(one, i, reach) {
    const label = `${one.name}${indexOf(one.shape, i)}`;
    const whole = one.dtype.includes('int');
    const range = h('input', { type: 'range', min: String(-reach), max: String(reach), step: whole ? '1' : String(reach / 300), 'aria-label': label });
    const number = h('input', { type: 'number', class: 'number', step: whole ? '1' : '0.1', 'aria-label': `${label}, exactly` });
    range.addEventListener('pointerdown', () => actions.beginChange());
    range.addEventListener('input', () => {
      // While it is held it is not written to, and it has to say where it stands.
      range.setAttribute('aria-valuetext', formatNumber(Number(range.value)));
      change(one, i, Number(range.value), [number]);
    });
    number.addEventListener('change', () => {
      actions.beginChange();
      change(one, i, Number(number.value), [range]);
    });
    for (const input of [range, number]) fields.push({ input, name: one.name, i, said: null });
    return [h('span', { class: 'sliders__label', title: label }, clip(label, LONGEST_LABEL)), range, number];
  }

  /** @param {InputUsed} one @param {number[]} numbers */
  function table(one, numbers) {
    const grid = h('div', { class: 'inputs__cells', tabindex: '0', role: 'group', 'aria-label': `Cells of ${one.name}` });
    grid.style.gridTemplateColumns = `repeat(${one.shape[one.shape.length - 1] ?? 1}, max-content)`;
    numbers.forEach((_, i) => {
      const input = h('input', { type: 'number', class: 'number', step: '0.1', 'aria-label': `${one.name}${indexOf(one.shape, i)}` });
      input.addEventListener('change', () => {
        actions.beginChange();
        change(one, i, Number(input.value), []);
      });
      fields.push({ input, name: one.name, i, said: null });
      grid.append(input);
    });
    return grid;
  }

  /** @param {InputUsed} one @param {number} i @param {number} value @param {HTMLInputElement[]} others */
  function change(one, i, value, others) {
    if (!Number.isFinite(value)) return;
    for (const other of others) write(other, value);
    const given = store.get().inputs[one.name];
    const data = flat(given?.value ?? current(one.name)?.data ?? one.data);
    data[i] = value;
    actions.setInput(one.name, { value: nest(data, one.shape), dtype: one.dtype, requires_grad: one.requires_grad });
  }

  store.on(['model', 'inputs'], draw);
  draw(store.get());
}

/** The leaves of the last run with their numbers, which for the program's own stand with its tensors. @param {State} state @returns {InputUsed[]} */
function used({ model }) {
  return (model?.trace.inputs ?? []).map((/** @type {InputUsed} */ one) => ({
    ...one,
    data: one.data ?? (one.tensor ? model?.tensorById.get(one.tensor)?.value?.data : null) ?? null,
  }));
}

/**
 * How far the sliders of one leaf go to both sides: all alike, so that their
 * heights can be compared, and a power of two, so that it does not change often.
 * @param {number[]} numbers
 */
function reachOf(numbers) {
  const largest = Math.max(0, ...numbers.map(Math.abs).filter(Number.isFinite));
  return Math.max(3, 2 ** Math.ceil(Math.log2(largest * 1.5 || 1)));
}

/** @param {HTMLInputElement} input @param {number} value */
function write(input, value) {
  if (input.type === 'range') {
    input.value = String(value);
    input.setAttribute('aria-valuetext', formatNumber(value));
  } else input.value = String(Number(value.toPrecision(5)));
}

/** @param {any} data @returns {number[]} */
function flat(data) {
  return Array.isArray(data) ? data.flat(Infinity).map(Number) : data === undefined || data === null ? [] : [Number(data)];
}

/** @param {number[]} numbers @param {number[]} shape @returns {any} */
function nest(numbers, shape) {
  if (shape.length === 0) return numbers[0];
  const size = shape.slice(1).reduce((a, b) => a * b, 1);
  return Array.from({ length: shape[0] }, (_, i) => nest(numbers.slice(i * size, (i + 1) * size), shape.slice(1)));
}

/** "[0, 2]" of a place in memory order; empty for a scalar. @param {number[]} shape @param {number} i */
function indexOf(shape, i) {
  const at = [];
  for (let axis = shape.length - 1, rest = i; axis >= 0; axis--) {
    at.unshift(rest % shape[axis]);
    rest = Math.floor(rest / shape[axis]);
  }
  return at.length > 0 ? `[${at.join(',')}]` : '';
}
