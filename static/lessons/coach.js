/**
 * The lesson's words: an introduction, the note of the step, the question.
 */
import { button, h, icon, prose, refill } from '../dom.js';
import { markAnswered, readAnswered } from '../storage.js';
import { reached, stepOf } from './goal.js';

/**
 * @typedef {import('../state.js').State} State
 * @typedef {import('../state.js').Lesson} Lesson
 */

/**
 * @param {HTMLElement} host
 * @param {import('../store.js').Store<State>} store
 * @param {import('../actions.js').Actions} actions
 */
export function createCoach(host, store, actions) {
  let hinted = '';

  function draw(/** @type {State} */ state) {
    const at = state.lessons.findIndex((one) => one.id === state.lesson);
    host.hidden = at < 0;
    host.classList.toggle('is-folded', !state.coach);
    if (at < 0) return;
    const lesson = state.lessons[at];
    const go = (/** @type {number} */ by) => actions.openLesson(state.lessons[at + by].id);
    refill(
      host,
      h(
        'div', { class: 'coach__head' },
        h('h2', { class: 'coach__title' }, lesson.title),
        button({ icon: 'chevronLeft', title: 'Lesson before', key: '[', class: 'button--small button--quiet', onClick: () => go(-1), props: { disabled: at === 0 } }),
        h('span', { class: 'shape' }, `${at + 1}/${state.lessons.length}`),
        button({ icon: 'chevronRight', title: 'Next lesson', key: ']', class: 'button--small button--quiet', onClick: () => go(1), props: { disabled: at === state.lessons.length - 1 } }),
        button({ icon: state.coach ? 'chevronUp' : 'chevronDown', title: state.coach ? 'Fold the lesson' : 'Unfold the lesson', class: 'button--small button--quiet', onClick: () => actions.toggleCoach(), props: { 'aria-expanded': String(state.coach) } }),
      ),
      state.coach && [body(lesson, state), question(lesson, state)],
    );
  }

  /** @param {Lesson} lesson @param {State} state */
  function body(lesson, state) {
    const { model } = state;
    const untouched = model && state.code === lesson.code && state.interventions.length === 0;
    const notes = untouched ? lesson.notes.map((note) => ({ text: note.text, step: stepOf(model, note.at) })).filter((note) => note.step >= 0) : [];
    const note = notes.find((one) => one.step === state.step);
    const following = notes.filter((one) => one.step > state.step).sort((a, b) => a.step - b.step)[0] ?? notes.toSorted((a, b) => a.step - b.step)[0];
    return [
      !note && h('p', { class: 'coach__text' }, prose(lesson.intro)),
      note && h('p', { class: 'coach__note' }, prose(note.text)),
      following && following !== note && h('div', { class: 'coach__row' },
        button({ icon: 'arrowRight', label: `${following.step > state.step ? 'Walk on' : 'Walk through it'}: step ${following.step + 1}`, title: 'Go to the next step that has a note', class: 'button--link', onClick: () => actions.goTo(following.step) })),
    ];
  }

  /** @param {Lesson} lesson @param {State} state */
  function question(lesson, state) {
    const asked = lesson.question;
    if (!asked) return null;
    const touched = state.code !== lesson.code || state.interventions.length > 0;
    const now = touched && state.status === 'done' && state.ranCode === state.code && reached(asked.goal, state);
    if (now) markAnswered(lesson.id);
    const answered = now || readAnswered()[lesson.id];
    return h(
      'div', { class: `coach__question ${answered ? 'is-answered' : ''}` },
      h('p', { class: 'coach__ask' }, prose(asked.text)),
      answered && h('p', { class: 'coach__verdict', role: now ? 'status' : undefined }, icon('check'), now ? 'That is it.' : 'Answered.'),
      answered && h('p', {}, prose(asked.answer)),
      !answered && (hinted === lesson.id
        ? h('p', { class: 'coach__text' }, prose(asked.hint))
        : h('div', { class: 'coach__row' }, button({
            icon: 'lightbulb', label: 'Hint', title: 'Show a hint', class: 'button--small',
            onClick: () => {
              hinted = lesson.id;
              draw(store.get());
            },
          }))),
    );
  }

  store.on(['lesson', 'lessons', 'model', 'step', 'coach', 'interventions', 'ranCode', 'status'], draw);
  draw(store.get());
}
