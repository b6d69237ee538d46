/**
 * Everything that can be done on the page, in one place: buttons, keys and the
 * palette all call these.
 */
import { ChangeSet, Text } from 'codemirror';
import { changesOf, linesName, moved, together } from './editor/targets.js';
import { sameCard, shown } from './state.js';
import { toast } from './toast.js';
import { putOnShelf } from './storage.js';
import { sameStep } from './timeline/same-step.js';
import { labelOf, nameFor, sameTarget, turnsOf, useOf } from './whatif/targets.js';

/**
 * @typedef {import('./state.js').State} State
 * @typedef {import('./state.js').Intervention} Intervention
 * @typedef {import('./state.js').InterventionKind} InterventionKind
 * @typedef {import('./state.js').Target} Target
 * @typedef {import('./model/types.js').Card} Card
 * @typedef {import('./model/types.js').Ref} Ref
 * @typedef {import('./store.js').Store<State>} Store
 * @typedef {ReturnType<typeof createActions>} Actions
 */

/**
 * @param {Store} store
 * @param {ReturnType<typeof import('./session.js').createSession>} session
 * @param {ReturnType<typeof import('./history.js').createHistory>} history
 */
export function createActions(store, session, history) {
  const { setState, get } = store;

  /** @param {number} step */
  function goTo(step) {
    const last = (shown(get())?.steps.length ?? 0) - 1;
    setState({ step: Math.max(-1, Math.min(last, step)) });
  }

  /** A program of one's own is kept when another takes its place. */
  function putAside() {
    const { code, seed, lessons } = get();
    const own = code.trim() !== '' && !lessons.some((one) => one.code === code);
    if (own) putOnShelf({ code, seed, saved: Date.now() });
    return own;
  }

  /** @param {InterventionKind} kind @param {Target} target @param {string} what */
  function toggle(kind, target, what) {
    const { interventions } = get();
    const same = interventions.find((one) => one.kind === kind && sameTarget(one.target, target));
    history.remember();
    const id = `w${Date.now().toString(36)}${interventions.length}`;
    setState({
      interventions: same
        ? interventions.filter((one) => one !== same)
        : [...interventions, { id, kind, target, label: labelOf(kind, what) }],
      view: 'after',
    });
    void session.run();
  }

  /** What-ifs are aimed at places of the program as it ran. */
  function stale() {
    const { ranCode, code } = get();
    if (ranCode === code) return false;
    toast('The code changed since the last run: run it first', { label: 'Run', title: 'Run the program', run: () => void session.run() });
    return true;
  }

  /** Change the program, and run it. @param {import('./editor/targets.js').Edit[]} edits @param {Intervention[]} kept */
  function edit(edits, kept) {
    const old = Text.of(get().code.split('\n'));
    const changes = ChangeSet.of(changesOf(old, edits), old.length);
    const now = changes.apply(old);
    setState({ code: now.toString(), interventions: moved(kept, changes, old, now) });
    void session.run();
  }

  return {
    run() {
      void session.run();
    },
    cancel: session.cancel,
    goTo(/** @type {number} */ step) {
      setState({ playing: false });
      goTo(step);
    },
    step(/** @type {number} */ by) {
      setState({ playing: false });
      goTo(get().step + by);
    },
    advance: () => goTo(get().step + 1),
    togglePlay() {
      const { playing, step } = get();
      const last = (shown(get())?.steps.length ?? 0) - 1;
      if (!playing && step >= last) setState({ step: -1 });
      setState({ playing: !playing && last >= 0 });
    },
    select(/** @type {Ref | null} */ selection) {
      setState({ selection });
    },
    hover(/** @type {Ref | null} */ hover) {
      setState({ hover });
    },
    /** @param {InterventionKind} kind @param {Card} card @param {{every?: boolean}} [options]  every: in each turn of a loop. */
    intervene(kind, card, { every = false } = {}) {
      if (stale()) return;
      // A leaf is named in the program; the result of an op is found by its place.
      const model = shown(get());
      const named = kind === 'retain_grad' || kind === 'requires_grad' || card.kind === 'leaf' || card.kind === 'constant';
      const name = named && model ? nameFor(model, card) : undefined;
      if (name) toggle(kind, { name }, name);
      if (name || kind === 'retain_grad' || kind === 'requires_grad' || !card.site) return;
      const { line, col, end_line, end_col, occurrence } = card.site;
      const repeated = !every && model !== null && turnsOf(model, card) > 1;
      toggle(kind, { line, col, end_line, end_col, occurrence: repeated ? occurrence : null }, repeated ? `${card.expression} #${occurrence + 1}` : card.expression);
    },
    /** Detach one use of a value. @param {import('./model/types.js').ModelEdge} edge */
    interveneUse(edge) {
      const model = shown(get());
      if (!model || stale()) return;
      const use = useOf(model, edge);
      const user = model.cardById.get(edge.kind === 'gradient' ? edge.source : edge.target);
      if (use) toggle('detach', use.target, `${use.name} in ${user?.expression ?? ''}`);
    },
    /** @param {InterventionKind} kind @param {string} name */
    interveneName(kind, name) {
      toggle(kind, { name }, name);
    },
    /** @param {number} first @param {number} last */
    interveneLines(first, last) {
      toggle('no_grad', { lines: [first, last] }, linesName(first, last));
    },
    /** @param {string | null} id  null: all. */
    removeIntervention(id) {
      history.remember();
      setState({ interventions: id ? get().interventions.filter((one) => one.id !== id) : [], view: 'after' });
      void session.run();
    },
    /** Apply active what-ifs to the source itself. */
    writeIntoCode() {
      const { model, interventions } = get();
      const results = model?.trace.interventions ?? [];
      const sayable = interventions.flatMap((one) => {
        const edits = results.find((r) => r.id === one.id)?.edits;
        return edits?.length ? [{ of: one, edits }] : [];
      });
      const written = together(sayable);
      if (written.length === 0) {
        toast('These what-ifs can’t be said as a change of the code');
        return;
      }
      history.remember();
      const kept = interventions.filter((one) => !written.some(({ of }) => of === one));
      edit(written.flatMap(({ edits }) => edits), kept);
      const waits = written.length < sayable.length ? ': the others change the same lines, write them next' : '';
      toast(`Written into the code${waits}`, { label: 'Undo', title: 'Take it back', run: this.undo });
    },
    /** @param {any[]} edits @param {string} title */
    applyEdits(edits, title) {
      history.remember();
      edit(edits, get().interventions);
      toast(`Applied: ${title.replaceAll('`', '')}`, { label: 'Undo', title: 'Take it back', run: this.undo });
    },
    /** @param {string} name @param {any} input */
    setInput(name, input) {
      setState({ inputs: { ...get().inputs, [name]: input } });
      void session.live();
    },
    /** Remember the inputs as they are, before a drag. */
    beginChange: () => history.remember(),
    resetInputs() {
      history.remember();
      setState({ inputs: {} });
      void session.run();
    },
    /** @param {number} seed */
    setSeed(seed) {
      if (seed === get().seed) return;
      history.remember();
      setState({ seed });
      void session.run();
    },
    undo() {
      if (history.undo()) void session.run();
      else toast('Nothing to undo here: typing is undone in the editor');
    },
    redo() {
      if (history.redo()) void session.run();
    },
    /** @param {string} id */
    openLesson(id) {
      const lesson = get().lessons.find((one) => one.id === id);
      if (!lesson) return;
      history.remember();
      if (putAside()) toast('Your program was put aside', { label: 'Undo', title: 'Bring it back', run: this.undo });
      setState({ lesson: id, code: lesson.code, seed: 0, inputs: {}, gradient: null, interventions: [], selection: null, hover: null, view: 'after', playing: false, coach: true });
      void session.run({ step: Infinity });
    },
    newProgram() {
      history.remember();
      putAside();
      setState({ lesson: null, code: '', inputs: {}, gradient: null, interventions: [], selection: null, hover: null, tab: 'code' });
      void session.run({ step: Infinity });
    },
    /** @param {string} code */
    openProgram(code) {
      history.remember();
      setState({ lesson: null, code, inputs: {}, gradient: null, interventions: [], selection: null, hover: null });
      void session.run({ step: Infinity });
    },
    /** Show a trace that did not come from the service; fails if that can't be done. @param {any} trace @param {string} code */
    async openTrace(trace, code) {
      history.remember();
      putAside();
      await session.open(trace, code);
    },
    /** @param {'after' | 'before'} view */
    setView(view) {
      const model = view === 'before' ? get().before : get().model;
      const now = shown(get());
      if (!model || !now || model === now) return;
      setState({ view, step: sameStep(now, model, get().step), selection: sameCard(get().selection, now, model), hover: null });
    },
    toggleView() {
      this.setView(get().view === 'after' ? 'before' : 'after');
    },
    setDirection(/** @type {'TB' | 'LR'} */ direction) {
      setState({ direction });
    },
    toggleScope() {
      setState({ scope: get().scope === 'call' ? 'all' : 'call' });
    },
    setTheme(/** @type {State['theme']} */ theme) {
      setState({ theme });
    },
    showTab(/** @type {State['tab']} */ tab) {
      setState({ tab });
    },
    setSpeed(/** @type {number} */ speed) {
      setState({ speed });
    },
    toggleCoach() {
      setState({ coach: !get().coach });
    },
  };
}
