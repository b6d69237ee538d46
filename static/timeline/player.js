/**
 * Playing: one step after another at the chosen speed.
 */
import { shown } from '../state.js';

/** Milliseconds that a step of each kind stays, at speed 1. */
const STAY = { op: 650, print: 450, backward: 1000, node: 1150, accumulate: 1150, zero_grad: 900, optimizer_step: 1000, error: 1200 };

/** @param {import('../model/types.js').Model | null} model @param {number} step @param {number} speed */
export function stayOf(model, step, speed) {
  const kind = model?.steps[step]?.kind;
  return (kind ? STAY[kind] : 300) / speed;
}

/**
 * @param {import('../store.js').Store<import('../state.js').State>} store
 * @param {import('../actions.js').Actions} actions
 */
export function createPlayer(store, actions) {
  let timer = 0;

  function schedule() {
    clearTimeout(timer);
    const state = store.get();
    if (!state.playing) return;
    const model = shown(state);
    if (!model || state.step >= model.steps.length - 1) {
      store.setState({ playing: false });
      return;
    }
    timer = window.setTimeout(() => actions.advance(), stayOf(model, state.step, state.speed));
  }
  store.on(['playing', 'step', 'speed', 'model', 'view'], schedule);
}
