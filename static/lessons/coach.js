/**
 * The lesson's words: an introduction, the note of the step, the question, and
 * what comes after it.
 */
import { button, h, icon, prose, refill } from '../dom.js';
import { markAnswered, readAnswered } from '../storage.js';
import { missing, stepOf } from './goal.js';

/**
 * @typedef {import('../state.js').State} State
 * @typedef {import('../state.js').Lesson} Lesson
 * @typedef {{text: string, step: number}} Placed  A note and its step.
 */

/**
 * @param {HTMLElement} host
 * @param {import('../store.js').Store<State>} store
 * @param {import('../actions.js').Actions} actions
 */
export function createCoach(host, store, actions) {
  let hinted = '';
  /** The lesson that is being walked: of others the introduction stands, though a note belongs to their last step. */
  let walked = '';

  function draw(/** @type {State} */ state) {
    const at = state.lessons.findIndex((one) => one.id === state.lesson);
    host.hidden = at < 0;
    host.classList.toggle('is-folded', !state.coach);
    if (at < 0) return;
    const lesson = state.lessons[at];
    const go = (/** @type {number} */ by) => actions.openLesson(state.lessons[at + by].id);
    const where = whereabouts(lesson, state);
    // Where room is short the question waits until the walk is over.
    host.classList.toggle('is-ahead', where.next !== undefined);
    refill(
      host,
      h(
        'div', { class: 'coach__head' },
        h('h2', { class: 'coach__title' }, lesson.title),
        button({ icon: 'chevronLeft', title: 'Previous lesson', key: '[', class: 'button--small button--quiet', onClick: () => go(-1), props: { disabled: at === 0 } }),
        h('span', { class: 'shape', title: `Lesson ${at + 1} of ${state.lessons.length}` }, `${at + 1}/${state.lessons.length}`),
        button({ icon: 'chevronRight', title: 'Next lesson', key: ']', class: 'button--small button--quiet', onClick: () => go(1), props: { disabled: at === state.lessons.length - 1 } }),
        button({ icon: state.coach ? 'chevronUp' : 'chevronDown', title: state.coach ? 'Fold the lesson' : 'Unfold the lesson', class: 'button--small button--quiet', onClick: () => actions.toggleCoach(), props: { 'aria-expanded': String(state.coach) } }),
      ),
      state.coach && [!solved(lesson, state) && walk(lesson, state, where), question(lesson, state, state.lessons[at + 1])],
    );
  }

  /** Which of the notes along the walk stands here, and which comes next. @param {Lesson} lesson @param {State} state */
  function whereabouts(lesson, state) {
    const notes = placed(lesson, state);
    const last = (state.model?.steps.length ?? 0) - 1;
    if (notes.length > 0 && state.step < last) walked = lesson.id;
    const at = walked === lesson.id ? notes.findIndex((one) => one.step === state.step) : -1;
    // Between two notes the one that was reached last stays; at rest at the end the introduction stands.
    const passed = at < 0 && state.step < last ? notes.findLastIndex((one) => one.step <= state.step) : at;
    const next = passed >= 0 || state.step < last ? notes[passed + 1] : notes[0];
    return { notes, passed, next, last, between: at < 0 };
  }

  /** The notes along the walk, one at a time. @param {Lesson} lesson @param {State} state @param {ReturnType<typeof whereabouts>} where */
  function walk(lesson, state, { notes, passed, next, last, between }) {
    const note = notes[passed];
    const go = (/** @type {string} */ walking, /** @type {number} */ step) => {
      walked = walking;
      // The only note of a lesson may belong to the step at which it already stands.
      if (step === state.step) draw(state);
      else actions.goTo(step);
    };
    return [
      note ? h('p', { class: `coach__note ${between ? 'is-passed' : ''}` }, prose(note.text)) : h('p', { class: 'coach__text' }, prose(lesson.intro)),
      notes.length > 0 && h(
        'div', { class: 'coach__row' },
        next
          ? button({ icon: 'arrowRight', label: note ? 'Walk on' : 'Walk through it', title: `Go to step ${next.step + 1}`, class: 'button--small button--walk', onClick: () => go(lesson.id, next.step) })
          : h('b', { class: 'coach__walked' }, icon('check'), 'Walked. Now you:'),
        note && button({ icon: 'arrowLeft', title: passed > 0 ? `Go back to step ${notes[passed - 1].step + 1}` : 'Back to the introduction', class: 'button--small button--quiet', onClick: () => (passed > 0 ? go(lesson.id, notes[passed - 1].step) : go('', last)) }),
        h('span', { class: 'shape' }, note ? `${passed + 1} of ${notes.length}` : `${notes.length} ${notes.length === 1 ? 'stop' : 'stops'}`),
      ),
    ];
  }

  /** @param {Lesson} lesson @param {State} state @returns {Placed[]} */
  function placed(lesson, { model, code, ranCode, interventions }) {
    if (!model || code !== lesson.code || ranCode !== code || interventions.length > 0) return [];
    return lesson.notes.map((note) => ({ text: note.text, step: stepOf(model, note.at) })).filter((note) => note.step >= 0).sort((a, b) => a.step - b.step);
  }

  /** Something was changed, and has run. @param {Lesson} lesson @param {State} state */
  const tried = (lesson, state) => touched(lesson, state) && state.status === 'done' && state.ranCode === state.code;
  /** @param {Lesson} lesson @param {State} state */
  const touched = (lesson, { code, interventions }) => code !== lesson.code || interventions.length > 0;
  /** @param {Lesson} lesson @param {State} state */
  const solved = (lesson, state) => tried(lesson, state) && missing(lesson.question.goal, state) === null;

  /** @param {Lesson} lesson @param {State} state @param {Lesson | undefined} following */
  function question(lesson, state, following) {
    const asked = lesson.question;
    const now = solved(lesson, state);
    const lacking = tried(lesson, state) ? missing(asked.goal, state) : null;
    if (now) markAnswered(lesson.id);
    const answered = now || Boolean(readAnswered()[lesson.id]);
    return h(
      'div', { class: `coach__question ${answered ? 'is-answered' : ''}` },
      h('p', { class: 'coach__ask' }, prose(asked.text)),
      lacking !== null && !answered && h('p', { class: 'coach__lacking', role: 'status' }, 'Not yet. ', prose(lacking)),
      answered && h('p', { class: 'coach__verdict', role: now ? 'status' : undefined }, icon('check'), now ? 'That is it.' : 'Answered.'),
      answered && h('p', {}, prose(asked.answer)),
      !answered && hinted === lesson.id && h('p', { class: 'coach__text' }, prose(asked.hint)),
      h(
        'div', { class: 'coach__row' },
        !answered && hinted !== lesson.id && button({
          icon: 'lightbulb', label: 'Hint', title: 'Show a hint', class: 'button--small',
          onClick: () => {
            hinted = lesson.id;
            draw(store.get());
          },
        }),
        touched(lesson, state) && button({ icon: 'rotateCcw', label: 'Start again', title: 'The lesson as it was', class: 'button--small button--quiet', onClick: () => actions.openLesson(lesson.id) }),
        answered && following && button({ icon: 'arrowRight', label: `Next: ${following.title}`, title: 'Next lesson', key: ']', class: 'button--small button--next', onClick: () => actions.openLesson(following.id) }),
      ),
    );
  }

  store.on(['lesson', 'lessons', 'model', 'step', 'coach', 'interventions', 'ranCode', 'status'], draw, { patient: true });
  draw(store.get());
}
