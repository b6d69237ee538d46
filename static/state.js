/**
 * The one state of the page.  Types, and what it is at first.
 *
 * @typedef {import('./model/types.js').Model} Model
 * @typedef {import('./model/types.js').Comparison} Comparison
 * @typedef {import('./model/types.js').Ref} Ref
 * @typedef {import('./model/types.js').Span} Span
 *
 * @typedef {(Span & {occurrence: number | null}) | {lines: [number, number]} | {name: string}} Target
 * @typedef {'detach' | 'no_grad' | 'requires_grad' | 'retain_grad'} InterventionKind
 * @typedef {{id: string, kind: InterventionKind, target: Target, label: string}} Intervention
 *   `label` names it on the page; the service does not see it.
 *
 * @typedef {object} Note
 * @property {{kind: string, line?: number | null, nth?: number}} at
 * @property {string} text
 * @typedef {object} Goal
 * @property {string | null} [variable]
 * @property {'none' | 'some' | null} [grad]
 * @property {number[] | null} [equals]
 * @property {boolean | null} [requires_grad]
 * @property {boolean | null} [error]
 * @property {InterventionKind | null} [intervention]
 * @property {string | null} [stdout_contains]
 * @property {number | null} [backward_calls]
 * @typedef {object} Lesson
 * @property {string} id
 * @property {string} title
 * @property {string} section
 * @property {string} intro
 * @property {string} code
 * @property {Note[]} notes
 * @property {{text: string, hint: string, goal: Goal, answer: string}} question
 * @property {boolean} [opening]
 *
 * @typedef {object} Program  What a run depends on, apart from what-ifs.
 * @property {string} code
 * @property {number} seed
 * @property {Record<string, any>} inputs  Values given to leaves, by name.
 * @property {any} gradient  For a non-scalar root, or null.
 *
 * @typedef {Program & {
 *   interventions: Intervention[],
 *   lesson: string | null,
 *   lessons: Lesson[],
 *   model: Model | null,
 *   before: Model | null,
 *   comparison: Comparison | null,
 *   view: 'after' | 'before',
 *   ranCode: string | null,
 *   status: 'idle' | 'running' | 'done' | 'failed',
 *   elapsed: number | null,
 *   progress: {elapsed: number, ops: number | null, retryIn: number | null} | null,
 *   problem: import('./api.js').Problem | null,
 *   step: number,
 *   playing: boolean,
 *   speed: number,
 *   selection: Ref | null,
 *   hover: Ref | null,
 *   direction: 'TB' | 'LR',
 *   scope: 'call' | 'all',
 *   theme: 'system' | 'light' | 'dark',
 *   tab: 'code' | 'graph' | 'inspector',
 *   coach: boolean,
 *   sizes: Record<string, number>,
 * }} State
 *   `model` is what was run last; with what-ifs on, `before` is the same
 *   program without them.  `shown(state)` says which of them is looked at.
 *   `scope`: of several backward calls, see the one at the step, or all.
 */
import { callAt, hasParts, partOf } from './model/scope.js';

/** @type {State} */
export const initialState = {
  code: '',
  seed: 0,
  inputs: {},
  gradient: null,
  interventions: [],
  lesson: null,
  lessons: [],
  model: null,
  before: null,
  comparison: null,
  view: 'after',
  ranCode: null,
  status: 'idle',
  elapsed: null,
  progress: null,
  problem: null,
  step: -1,
  playing: false,
  speed: 1,
  selection: null,
  hover: null,
  direction: 'TB',
  scope: 'call',
  theme: 'system',
  tab: 'graph',
  coach: true,
  sizes: {},
};

/** The model that is looked at. @param {State} state */
export function shown(state) {
  return state.view === 'before' && state.before ? state.before : state.model;
}

/**
 * The backward call that is drawn, that of the selected card where there is
 * one; null: all of them.
 * @param {Model} whole @param {State} state @returns {string | null}
 */
export function callShown(whole, state) {
  if (state.scope === 'all' || !hasParts(whole)) return null;
  const now = callAt(whole, state.step);
  const selected = state.selection?.kind === 'card' ? whole.cardById.get(state.selection.id) : undefined;
  if (!selected || !now || partOf(whole, now).cards.some((card) => card.id === selected.id)) return now;
  return selected.graphs[0] ?? null;
}

/**
 * What the inspector is about: the selection, else what the step is about, so
 * that it follows the walk.
 * @param {State} state @returns {{ref: Ref, following: boolean} | null}
 */
export function inspected(state) {
  if (state.selection) return { ref: state.selection, following: false };
  const steps = shown(state)?.steps ?? [];
  for (let i = Math.min(state.step, steps.length - 1); i >= 0; i--) {
    const [id] = steps[i].cards;
    if (id) return { ref: { kind: 'card', id }, following: true };
  }
  return null;
}

/**
 * The selected card as another run has it; null where it has none.
 * @param {Ref | null} ref @param {Model} from @param {Model} to @returns {Ref | null}
 */
export function sameCard(ref, from, to) {
  const key = ref?.kind === 'card' ? from.cardById.get(ref.id)?.key : undefined;
  const card = key === undefined ? undefined : to.cards.find((one) => one.key === key);
  return card ? { kind: 'card', id: card.id } : null;
}

/** The program itself. @param {State} state @returns {Program} */
export function programOf({ code, seed, inputs, gradient }) {
  return { code, seed, inputs, gradient };
}
