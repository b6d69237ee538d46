/**
 * The studio, put together.
 */
import { createActions } from './actions.js';
import { followAddress } from './address.js';
import { createCommands } from './commands.js';
import { byId, fill, h } from './dom.js';
import { createEditor } from './editor/index.js';
import { createGraphPane } from './graph-pane.js';
import { createHistory } from './history.js';
import { createInputs } from './inputs/index.js';
import { createInspector } from './inspector/index.js';
import { openTensor } from './inspector/tensor.js';
import { bindKeys } from './keys.js';
import { applySizes, createSplitter, createTabs } from './layout.js';
import { createCoach } from './lessons/coach.js';
import { stateAt } from './model/index.js';
import { createOutput, createProblems } from './output.js';
import { createSession } from './session.js';
import { firstState, loadLessons, programFrom } from './start.js';
import { initialState, shown } from './state.js';
import { readSettings, writeDraft, writeSettings } from './storage.js';
import { createStore } from './store.js';
import { createPlayer } from './timeline/player.js';
import { createTimeline } from './timeline/index.js';
import { createTopbar, embedded } from './topbar.js';
import { createVariables } from './variables.js';
import { createComparePanel } from './whatif/compare.js';
import { createWhatIfBar } from './whatif/bar.js';

/** @typedef {import('./state.js').State} State */

const flat = matchMedia('(height < 500px)').matches;
/** A draft is written no more often than this. */
const SAVE_MS = 400;
const store = createStore(/** @type {State} */ ({ ...initialState, direction: flat ? 'LR' : 'TB', coach: !flat, ...(embedded ? {} : readSettings()) }));
const session = createSession(store);
const history = createHistory(store);
const actions = createActions(store, session, history);

const editor = createEditor(byId('editor'), store, actions);
const graph = createGraphPane({ bar: byId('graph-bar'), graph: byId('graph'), legend: byId('legend'), note: byId('graph-note') }, store, actions);
const commands = createCommands({ store, actions, graph: () => graph, editor: () => editor });

createTopbar({ lesson: byId('lesson-menu'), actions: byId('actions') }, store, actions, commands);
createWhatIfBar(byId('whatif-bar'), store, actions);
createTabs(byId('tabs'), store, actions);
createCoach(byId('coach'), store, actions);
createProblems(byId('problems'), store, actions, editor);
createOutput(byId('output'), store, actions);
createComparePanel(byId('compare'), store);
createVariables(byId('variables'), store, actions, {
  openTensor(title, tensor, kind) {
    const state = store.get();
    const model = shown(state);
    const variable = model && stateAt(model, state.step).variables().find((one) => one.tensor === tensor);
    if (variable) openTensor(title, kind === 'grad' ? variable.grad : variable.value, kind);
  },
});
createInputs(byId('inputs'), store, actions);
createInspector(byId('pane-inspector'), store, {
  actions,
  openTensor,
  jump: (card) => {
    actions.showTab('code');
    if (card.site) editor.jump(card.site);
  },
  check: () => void session.run({ check: true }),
});
createTimeline(byId('timeline'), store, actions);
createPlayer(store, actions);
bindKeys(store, actions, commands, { graph, editor, lessonMenu: byId('lesson-menu') });

createEditorBar();
const studio = byId('studio');
createSplitter(byId('split-left'), 'left', store, () => byId('pane-code').offsetWidth);
createSplitter(byId('split-right'), 'right', store, () => byId('pane-inspector').offsetWidth);
createSplitter(byId('split-editor'), 'editor', store, () => byId('editor').offsetHeight);
applySizes(studio, store);

/** Seed, and what the editor's text is to the last run. */
function createEditorBar() {
  const seed = h('input', { type: 'number', min: '0', step: '1', value: '0', title: 'Seed of torch’s random numbers' });
  seed.addEventListener('change', () => actions.setSeed(Math.max(0, Math.trunc(Number(seed.value) || 0))));
  const note = h('span', { class: 'editor-bar__note' });
  fill(byId('editor-bar'), h('label', {}, 'seed', seed), h('span', { class: 'editor-bar__spring' }), note);
  store.on(['seed', 'code', 'ranCode', 'model', 'progress'], (state) => {
    seed.value = String(state.seed);
    const stale = state.ranCode !== null && state.ranCode !== state.code;
    const runtime = state.model?.trace.runtime;
    const { progress } = state;
    note.textContent = progress ? (progress.retryIn === null ? 'running…' : 'the service is busy: trying again') : stale ? 'edited, not run yet' : runtime ? `torch ${runtime.torch}` : '';
  });
}

/** The editor is as high as its text, while the reader has not said otherwise. */
function fitEditor() {
  const { sizes } = store.get();
  if (sizes.editor !== undefined) return;
  const room = byId('pane-code').offsetHeight;
  if (room === 0) return;
  const wanted = Math.max(112, Math.min(editor.height() + 2, room * 0.52));
  studio.style.setProperty('--editor', `${Math.round(wanted)}px`);
}
store.on(['ranCode', 'lesson', 'sizes', 'coach', 'tab'], () => requestAnimationFrame(fitEditor));
addEventListener('resize', fitEditor);

store.on(['theme'], ({ theme }) => {
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
});
if (!embedded) keep();

/** What the next visit begins with. */
function keep() {
  store.on(['theme', 'direction', 'speed', 'coach', 'sizes'], ({ theme, direction, speed, coach, sizes }) => writeSettings({ theme, direction, speed, coach, sizes }));
  let timer = 0;
  const draft = () => {
    clearTimeout(timer);
    timer = 0;
    const { code, seed, inputs, interventions, lesson, gradient } = store.get();
    writeDraft({ code, seed, inputs, interventions, lesson, gradient, saved: Date.now() });
  };
  // An input that is dragged changes with every frame; the disk need not hear of each.
  store.on(['code', 'seed', 'inputs', 'interventions', 'lesson', 'gradient'], () => {
    timer ||= window.setTimeout(draft, SAVE_MS);
  });
  addEventListener('pagehide', () => timer && draft());
}
store.on(['status'], ({ status }) => (document.body.dataset.status = status));
// A page that began without the service gets its lessons when that is there again.
store.on(['status'], async ({ status, lessons: known }) => {
  if (status === 'done' && known.length === 0) store.setState({ lessons: (await loadLessons()).lessons });
});
store.on(['selection'], ({ selection }) => {
  if (selection && matchMedia('(760px <= width < 1200px) and (height >= 500px)').matches) actions.showTab('inspector');
});

const { lessons, problem } = await loadLessons();
const first = await firstState(lessons, !embedded);
store.setState({ lessons, ...first, problem });
followAddress(store, (patch) => {
  store.setState(programFrom(patch, store.get().lessons));
  void session.run({ step: patch.step ?? Infinity });
});
await session.run(first.step === undefined ? {} : { step: first.step });
document.body.dataset.ready = 'true';
