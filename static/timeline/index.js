/**
 * The bottom bar: controls, the sentence of the step, the strip.
 */
import { button, fill, h, icon, refill } from '../dom.js';
import { shown } from '../state.js';
import { createStrip } from './strip.js';

/**
 * @typedef {import('../model/types.js').Part} Part
 * @typedef {import('../state.js').State} State
 */

const SPEEDS = [0.25, 0.5, 1, 2, 4, 16];

/**
 * @param {HTMLElement} host
 * @param {import('../store.js').Store<State>} store
 * @param {import('../actions.js').Actions} actions
 */
export function createTimeline(host, store, actions) {
  const strip = createStrip({ onScrub: actions.goTo });
  const play = button({ icon: 'play', label: 'Play', title: 'Play', key: 'Space', class: 'button--primary button--play', onClick: actions.togglePlay });
  const count = h('span', { class: 'timeline__count' });
  const sentence = h('p', { class: 'timeline__sentence' });
  const announce = createAnnouncer(strip.element);
  const speed = h(
    'select', { title: 'Speed of playing', on: { change: () => actions.setSpeed(Number(speed.value)) } },
    SPEEDS.map((one) => h('option', { value: String(one), selected: one === store.get().speed }, `${one}×`)),
  );
  const walk = [
    button({ icon: 'skipBack', title: 'To the start', key: 'Home', onClick: () => actions.goTo(-1) }),
    button({ icon: 'stepBack', title: 'One step back', key: '←', onClick: () => actions.step(-1) }),
    play,
    button({ icon: 'stepForward', title: 'One step forward', key: '→', onClick: () => actions.step(1) }),
    button({ icon: 'skipForward', title: 'To the end', key: 'End', onClick: () => actions.goTo(Infinity) }),
  ];
  fill(
    host,
    h(
      'div', { class: 'timeline__row' },
      h('div', { class: 'timeline__buttons', role: 'group', 'aria-label': 'Walk' }, walk),
      count, sentence, announce.element,
      h('label', { class: 'timeline__speed' }, h('span', {}, 'Speed'), speed),
    ),
    strip.element,
  );

  function drawStep(/** @type {State} */ state) {
    const model = shown(state);
    const step = model?.steps[state.step];
    const total = model?.steps.length ?? 0;
    for (const one of walk) one.disabled = total === 0;
    count.textContent = total === 0 ? '' : state.step < 0 ? `start of ${total}` : `step ${state.step + 1} of ${total}`;
    const parts = step ? step.sentence : [{ text: opening(state) }];
    refill(sentence, parts.map((part) => piece(part, actions)));
    const text = parts.map((part) => part.text).join('');
    strip.setStep(state.step, text);
    // While it plays, reading every step aloud would never catch up.
    if (!state.playing) announce.say(text);
  }
  function drawPlay(/** @type {State} */ { playing }) {
    if (playing) announce.hush();
    else announce.say(sentence.textContent ?? '');
    const name = playing ? 'Pause' : 'Play';
    fill(play, icon(playing ? 'pause' : 'play'), h('span', { class: 'button__label' }, name));
    play.title = `${name} (Space)`;
  }
  store.on(['model', 'view'], (state) => strip.setModel(shown(state)), { patient: true });
  store.on(['model', 'view', 'step', 'status'], drawStep, { patient: true });
  store.on(['playing'], drawPlay);
  store.on(['speed'], (state) => (speed.value = String(state.speed)));
  drawStep(store.get());
}

/** A walk that goes on within this time is not told step by step. */
const PAUSE = 400;

/**
 * Tells a listener where the walk stands: once, when it rests.  The sentence on
 * the page is drawn anew more often than it changes, so it can't be the live
 * region itself; and on the slider it is the slider's own value that is read.
 * @param {HTMLElement} slider  Around the range input.
 */
function createAnnouncer(slider) {
  const element = h('p', { class: 'visually-hidden', role: 'status', 'aria-atomic': 'true' });
  let timer = 0;
  return {
    element,
    hush: () => clearTimeout(timer),
    /** @param {string} text */
    say(text) {
      clearTimeout(timer);
      timer = window.setTimeout(() => {
        if (!slider.contains(document.activeElement) && element.textContent !== text) element.textContent = text;
      }, PAUSE);
    },
  };
}

/** @param {State} state */
function opening(state) {
  if (!state.model) return state.status === 'failed' ? 'Nothing has run yet.' : 'Running…';
  if (state.model.steps.length === 0) {
    return state.model.trace.error ? 'Nothing was recorded: there is nothing to walk through.' : 'The program made no tensor: there is nothing to walk through.';
  }
  return 'Before the first line. Press play, or step with the arrow keys.';
}

/** @param {Part} part @param {import('../actions.js').Actions} actions */
function piece(part, actions) {
  const { ref } = part;
  if (ref) {
    return h('button', {
      type: 'button', class: 'button button--link', title: `Select ${part.text}`,
      on: { click: () => actions.select(ref), pointerenter: () => actions.hover(ref), pointerleave: () => actions.hover(null) },
    }, part.text);
  }
  return part.code ? h('code', {}, part.text) : part.text;
}
