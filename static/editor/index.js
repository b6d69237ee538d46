/**
 * The code editor, tied to the state both ways: caret to card, card to span.
 */
import {
  Compartment, EditorState, EditorView, HighlightStyle, Prec, autocompletion, bracketMatching, closeBrackets,
  closeBracketsKeymap, completionKeymap, defaultKeymap, drawSelection, highlightActiveLineGutter, highlightSpecialChars,
  history, historyKeymap, indentOnInput, indentUnit, indentWithTab, keymap, lineNumbers, lintGutter, python, searchKeymap,
  setDiagnostics, syntaxHighlighting, tags,
} from 'codemirror';
import { shown } from '../state.js';
import { diagnosticsOf } from './diagnostics.js';
import { marksField, noMarks, setMarks } from './marks.js';
import { selectionActions } from './selection.js';
import { covers, extent, offsetOf, positionOf, rangeOf } from './spans.js';
import { moved } from './targets.js';

/**
 * @typedef {import('../state.js').State} State
 * @typedef {import('../model/types.js').Card} Card
 * @typedef {import('../model/types.js').Model} Model
 * @typedef {import('../actions.js').Actions} Actions
 * @typedef {import('../store.js').Store<State>} Store
 */

const colours = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword, tags.bool, tags.null, tags.self], color: 'var(--gw-code-keyword)' },
  { tag: [tags.number], color: 'var(--gw-code-number)' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--gw-code-string)' },
  { tag: [tags.comment], color: 'var(--gw-code-comment)', fontStyle: 'italic' },
  { tag: [tags.function(tags.variableName), tags.function(tags.propertyName), tags.className], color: 'var(--gw-code-name)' },
]);

/** The nonce of our own scripts: CodeMirror's style element carries it too. */
function nonce() {
  return /** @type {HTMLScriptElement | null} */ (document.querySelector('script[nonce]'))?.nonce ?? '';
}

/**
 * @param {HTMLElement} parent @param {Store} store @param {Actions} actions
 */
export function createEditor(parent, store, actions) {
  const readOnly = new Compartment();
  /** The text comes from the state, which knows what goes with it. */
  let given = false;
  const view = new EditorView({
    parent,
    doc: store.get().code,
    extensions: [
      EditorView.cspNonce.of(nonce()),
      Prec.highest(keymap.of([{ key: 'Mod-Enter', run: () => (actions.run(), true) }])),
      lineNumbers(), lintGutter(), highlightActiveLineGutter(), highlightSpecialChars(), drawSelection(), history(), indentOnInput(), indentUnit.of('    '),
      bracketMatching(), closeBrackets(), autocompletion({ activateOnTyping: false }),
      syntaxHighlighting(colours), python(), marksField, selectionActions(store, actions), readOnly.of([]),
      keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, ...completionKeymap, indentWithTab]),
      EditorView.contentAttributes.of({ 'aria-label': 'Python code', tabindex: '0' }),
      EditorState.tabSize.of(4),
      EditorView.domEventHandlers({
        mousemove: (event) => hoverAt(view.posAtCoords({ x: event.clientX, y: event.clientY })),
        mouseleave: () => hoverAt(null),
      }),
      EditorView.updateListener.of((update) => {
        if (update.docChanged && !given) typed(update);
        const byHand = update.transactions.some((t) => t.isUserEvent('select') || t.isUserEvent('input'));
        if (update.selectionSet && byHand && !update.docChanged) selectAtCaret();
      }),
    ],
  });

  /** What-ifs and inputs belong to the program: they move with it, and go with it. @param {import('codemirror').ViewUpdate} update */
  function typed(update) {
    const { interventions } = store.get();
    const code = update.state.doc.toString();
    const old = update.startState.doc;
    let replaced = false;
    update.changes.iterChangedRanges((from, to) => (replaced ||= from === 0 && to === old.length && to > 0));
    store.setState(replaced
      ? { code, interventions: [], inputs: {}, gradient: null }
      : { code, interventions: moved(interventions, update.changes, old, update.state.doc) });
  }

  /** The card of the expression under the mouse. @param {number | null} offset */
  function hoverAt(offset) {
    const state = store.get();
    const model = shown(state);
    const known = model && offset !== null && state.ranCode === state.code;
    const card = known ? cardAt(model, positionOf(view.state.doc, offset), state.step) : null;
    if ((card?.id ?? null) !== (state.hover?.id ?? null)) actions.hover(card ? { kind: 'card', id: card.id } : null);
  }

  function selectAtCaret() {
    const state = store.get();
    const model = shown(state);
    if (!model || state.ranCode !== state.code) return;
    const { main } = view.state.selection;
    if (!main.empty) return;
    const card = cardAt(model, positionOf(view.state.doc, main.head), state.step);
    if (card && card.id !== state.selection?.id) actions.select({ kind: 'card', id: card.id });
  }

  let marked = '';
  let markedIn = view.state.doc;
  let diagnosed = false;

  function mark() {
    const state = store.get();
    const model = shown(state);
    // After typing the trace's spans belong to another text.
    if (!model || state.ranCode !== state.code) {
      draw(noMarks);
      return;
    }
    const step = model.steps[state.step];
    const site = (/** @type {import('../model/types.js').Ref | null} */ ref) =>
      ref?.kind === 'card' ? (model.cardById.get(ref.id)?.site ?? null) : null;
    draw({
      step: step?.line ? { line: step.line, backward: step.kind === 'node' || step.kind === 'accumulate' || step.kind === 'backward' } : null,
      error: model.trace.error?.line ?? null,
      selected: site(state.selection),
      hovered: site(state.hover),
      whatIfs: state.interventions.flatMap(({ target }) => ('line' in target ? [target] : [])),
      whatIfLines: state.interventions.flatMap(({ target }) => ('lines' in target ? [target.lines] : [])),
    });
  }

  /** A run of a drag marks what was marked. @param {import('./marks.js').Marks} marks */
  function draw(marks) {
    const wanted = JSON.stringify(marks);
    if (wanted === marked && view.state.doc === markedIn) return;
    marked = wanted;
    markedIn = view.state.doc;
    view.dispatch({ effects: setMarks.of(marks) });
  }

  function diagnose() {
    const { model, code, ranCode } = store.get();
    const list = model && code === ranCode ? diagnosticsOf(view.state.doc, model.trace, actions) : [];
    if (list.length === 0 && !diagnosed) return;
    diagnosed = list.length > 0;
    view.dispatch(setDiagnostics(view.state, list));
  }

  store.on(['code'], ({ code }) => {
    const old = view.state.doc.toString();
    if (old === code) return;
    given = true;
    view.dispatch({ changes: changeBetween(old, code) });
    given = false;
  });
  store.on(['model', 'view', 'step', 'selection', 'hover', 'interventions', 'ranCode', 'code'], mark);
  store.on(['model', 'ranCode', 'code'], diagnose);
  /** @type {Model | null} */
  let walked = null;
  // A walk has its line in sight; a run that has just come back leaves the eye and the caret where they are.
  store.on(['step', 'model', 'view'], (state) => {
    const model = shown(state);
    const walks = model === walked && state.ranCode === state.code && !view.hasFocus;
    walked = model;
    const line = walks ? model?.steps[state.step]?.line : null;
    if (line && line <= view.state.doc.lines) {
      view.dispatch({ effects: EditorView.scrollIntoView(view.state.doc.line(line).from, { y: 'nearest', yMargin: 24 }) });
    }
  });

  return {
    view,
    focus: () => view.focus(),
    /** Put the caret on a span and show it. @param {import('../model/types.js').Span} span */
    jump(span) {
      const { from, to } = rangeOf(view.state.doc, span);
      view.dispatch({ selection: { anchor: from, head: to }, effects: EditorView.scrollIntoView(from, { y: 'center' }) });
      view.focus();
    },
    /** @param {number} line */
    jumpToLine(line) {
      const from = offsetOf(view.state.doc, line, 0);
      view.dispatch({ selection: { anchor: from }, effects: EditorView.scrollIntoView(from, { y: 'center' }) });
      view.focus();
    },
    /** Of all its lines, also while it is hidden. */
    height: () => view.state.doc.lines * parseFloat(getComputedStyle(view.contentDOM).lineHeight) + 18 + view.scrollDOM.offsetHeight - view.scrollDOM.clientHeight,
  };
}

/**
 * The innermost card at a place; of a loop's turns the one that ran last by now.
 * @param {Model} model @param {{line: number, col: number}} at @param {number} step
 * @returns {Card | null}
 */
export function cardAt(model, at, step) {
  /** @type {Card | null} */
  let best = null;
  for (const card of model.cards) {
    if (!card.site || !covers(card.site, at)) continue;
    if (!best || !best.site) best = card;
    else {
      const inside = extent(card.site) - extent(best.site);
      const ran = (model.history.forward.get(card.id) ?? Infinity) <= step;
      if (inside < 0 || (inside === 0 && ran)) best = card;
    }
  }
  return best;
}

/** The smallest single change from one text to another. @param {string} old @param {string} now */
function changeBetween(old, now) {
  let from = 0;
  while (from < old.length && from < now.length && old[from] === now[from]) from++;
  let end = 0;
  while (end < old.length - from && end < now.length - from && old[old.length - 1 - end] === now[now.length - 1 - end]) end++;
  return { from, to: old.length - end, insert: now.slice(from, now.length - end) };
}
