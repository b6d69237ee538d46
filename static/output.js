/**
 * What the program printed, and what went wrong with the remedy.
 */
import { button, fill, focusAround, h, icon, prose } from './dom.js';
import { shown } from './state.js';

/**
 * @typedef {import('./state.js').State} State
 * @typedef {import('./store.js').Store<State>} Store
 * @typedef {import('./actions.js').Actions} Actions
 */

const MOST = 500;
/** Letters of a warning in its title. */
const MOST_TITLE = 56;
/** Where in torch's own source a warning comes from says nothing of the program. */
const INTERNAL = /\s*\(Triggered internally at [^)]*\)\.?/;
/** Leaves without a gradient that are shown at once, and that are shown at all. */
const MOST_OPEN = 2;
const MOST_LEAVES = 12;

/** The start of a text, up to the end of a word. @param {string} text */
function shortened(text) {
  if (text.length <= MOST_TITLE) return text;
  const cut = text.slice(0, MOST_TITLE);
  return `${cut.slice(0, cut.lastIndexOf(' ') + 1).trimEnd() || cut}…`;
}

/** @type {Record<string, string>} What the trace calls otherwise than a reader. */
const LEFT_OUT = { graphs: 'backward calls', ops: 'operations', nodes: 'nodes of the graph', values: 'tensors’ numbers' };

/** What went to stderr, under its own name: colour alone would not say it. @param {import('./model/types.js').Trace} trace */
function errorsOf({ stderr = '', stderr_truncated: cut = false }) {
  if (stderr === '') return null;
  return h(
    'section', { class: 'output__errors', 'aria-label': 'Standard error' },
    h('h3', { class: 'output__label' }, 'stderr'),
    h('div', { class: 'output__text', tabindex: '0', role: 'group', 'aria-label': 'Text on standard error' }, stderr),
    cut && h('p', { class: 'panel__empty' }, 'The rest of stderr was cut.'),
  );
}

/** @param {HTMLElement} host @param {Store} store @param {Actions} actions */
export function createOutput(host, store, actions) {
  const lines = h('div', { class: 'output__lines' });
  // Not at the end of what scrolls: there nobody would look.
  const errors = h('div', {});
  fill(host, h('div', { class: 'panel__head' }, h('h2', { class: 'panel__title', id: 'output-title' }, 'Output')), lines, errors);
  /** @type {{element: HTMLElement, step: number}[]} */
  let printed = [];
  /** @type {HTMLElement | undefined} */
  let last;
  let frame = 0;

  function draw(/** @type {State} */ state) {
    const model = shown(state);
    const known = printed;
    printed = [];
    const prints = model?.steps.filter((step) => step.kind === 'print') ?? [];
    fill(errors, model && errorsOf(model.trace));
    if (!model || (prints.length === 0 && model.trace.stdout === '')) {
      lines.hidden = errors.childElementCount > 0;
      fill(lines, h('p', { class: 'panel__empty' }, model ? 'Nothing printed.' : 'Nothing has run yet.'));
      return;
    }
    lines.hidden = false;
    if (prints.length === 0 || prints.length > MOST) {
      fill(lines, model.trace.stdout !== '' && h('div', { class: 'output__text' }, model.trace.stdout));
      lines.scrollTop = 0;
    } else {
      printed = prints.map((step, i) => ({ step: step.index, element: lineOf(step, known[i]) }));
      const stay = lines.childElementCount === printed.length && printed.every(({ element }, i) => lines.children[i] === element);
      if (!stay) fill(lines, printed.map(({ element }) => element));
    }
    if (model.trace.stdout_truncated) lines.append(h('p', { class: 'panel__empty' }, 'The rest of the output was cut.'));
    mark(state);
  }
  /**
   * The line of a print; in a drag the one that is there says something else.
   * @param {import('./model/types.js').Step} step @param {typeof printed[number] | undefined} there
   */
  function lineOf({ index, text }, there) {
    const said = (text ?? '').replace(/\n$/, '');
    if (there?.step !== index) return h('button', { type: 'button', class: 'output__line', title: `Go to step ${index + 1}`, on: { click: () => actions.goTo(index) } }, said);
    if (there.element.textContent !== said) there.element.textContent = said;
    return there.element;
  }
  function mark(/** @type {State} */ { step }) {
    for (const line of printed) {
      line.element.classList.toggle('is-future', line.step > step);
      line.element.classList.toggle('is-now', line.step === step);
    }
    last = printed.findLast((line) => line.step <= step)?.element;
    frame ||= requestAnimationFrame(follow);
  }
  /** The last line that was printed by now stays in sight, without moving the panel. */
  function follow() {
    frame = 0;
    if (last) lines.scrollTop = last.offsetTop - lines.offsetTop + last.offsetHeight - lines.clientHeight;
  }
  store.on(['model', 'view'], draw, { patient: true });
  store.on(['step'], mark, { patient: true });
  draw(store.get());
}

/** @param {HTMLElement} host @param {Store} store @param {Actions} actions @param {{jumpToLine: (line: number) => void}} editor */
export function createProblems(host, store, actions, editor) {
  /** Of the last run with all its numbers: those of a drag would flicker. @type {any[]} */
  let hints = [];
  function draw(/** @type {State} */ state) {
    const model = shown(state);
    const trace = model?.trace;
    if (!model?.partial) hints = trace?.hints ?? [];
    const cards = [
      state.problem && transport(state.problem),
      trace?.error && errorCard(trace.error, causedByWhatIf(state)),
      trace && !trace.error && unreachedCard(trace),
      ...hints.map(hintCard),
      ...(trace?.warnings ?? []).map(warningCard),
      trace && !model.partial && omittedCard(trace),
    ].filter((one) => one !== null && one !== undefined && one !== false);
    const inside = host.contains(document.activeElement);
    host.hidden = cards.length === 0;
    fill(host, cards);
    if (inside) focusAround(host);
  }

  /** @param {import('./api.js').Problem} problem */
  function transport(problem) {
    return h(
      'div', { class: 'problem', role: 'alert' },
      h('p', { class: 'problem__title' }, icon('circleAlert'), problem.title),
      h('p', {}, problem.detail),
      h('div', { class: 'problem__actions' }, button({ icon: 'rotateCcw', label: 'Try again', title: 'Send the program again', class: 'button--small', onClick: () => actions.run() })),
    );
  }

  /** @param {number | null | undefined} line */
  const lineLink = (line) =>
    line ? button({ label: `line ${line}`, title: `Go to line ${line}`, class: 'button--link', onClick: () => editor.jumpToLine(line) }) : null;

  /** @param {any} diagnosis @param {HTMLElement | null} [message]  Python's own words. */
  function remedy(diagnosis, message = null) {
    const fixes = diagnosis.fixes ?? [];
    return [
      h('p', {}, prose(diagnosis.explanation)),
      diagnosis.fix && h('p', {}, h('b', {}, 'To mend it: '), prose(diagnosis.fix)),
      // Before what only proves it: the remedy must be in sight in a low window too, and Python's words can be many.
      fixes.length > 0 && h('div', { class: 'problem__actions' }, fixes.map((/** @type {any} */ fix) =>
        button({ icon: 'wand', label: fix.title.replaceAll('`', ''), title: 'Change the code so, and run it', class: 'button--small button--fix', onClick: () => actions.applyEdits(fix.edits, fix.title) }))),
      message,
      diagnosis.evidence.length > 0 && h('div', { class: 'problem__evidence' }, diagnosis.evidence.slice(0, 6).map((/** @type {any} */ one) => evidence(one))),
      diagnosis.docs && h('p', {}, docsLink(diagnosis.docs)),
    ];
  }

  /** torch's documentation of a name. @param {string} name */
  const docsLink = (name) =>
    h('a', { href: `https://docs.pytorch.org/docs/stable/search.html?q=${encodeURIComponent(name)}`, target: '_blank', rel: 'noopener noreferrer' }, `PyTorch on ${name}`);

  /** @param {{kind: string, ref: string, text: string}} one */
  function evidence({ kind, ref, text }) {
    const model = shown(store.get());
    const go = () => {
      if (kind === 'line') return editor.jumpToLine(Number(ref));
      const variable = kind === 'variable' ? model?.trace.variables.find((v) => v.name === ref)?.tensor : undefined;
      const card = kind === 'op' ? model?.cardOfOp.get(ref) : kind === 'node' ? model?.cardOfNode.get(ref) : model?.cardOfTensor.get(variable ?? ref);
      return card ? actions.select({ kind: 'card', id: card }) : undefined;
    };
    return button({ label: text, title: 'Show it', class: 'button--link', onClick: go });
  }

  /** The program itself runs; what was tried on it made it fail. @param {State} state */
  const causedByWhatIf = (state) => state.view === 'after' && state.interventions.length > 0 && state.before !== null && state.before.trace.error === null;

  const withoutWhatIfs = () => h(
    'div', { class: 'problem__cause' },
    h('p', {}, h('b', {}, 'This comes of the what-if.'), ' Without it the program runs.'),
    button({ icon: 'undo2', label: 'Take it back', title: 'Remove the what-ifs', class: 'button--small button--whatif', onClick: () => actions.removeIntervention(null) }),
  );

  /** @param {any} error @param {boolean} caused */
  function errorCard(error, caused) {
    const { diagnosis } = error;
    const message = h('pre', { class: 'problem__message', tabindex: '0' }, `${error.type}: ${error.message}`);
    return h(
      'div', { class: 'problem', role: 'alert' },
      caused && withoutWhatIfs(),
      h('p', { class: 'problem__title' }, icon('circleAlert'), h('span', {}, diagnosis ? prose(diagnosis.title) : error.type, ' ', lineLink(error.line))),
      diagnosis ? remedy(diagnosis, message) : message,
    );
  }

  /** @param {any} hint */
  function hintCard({ line, diagnosis }) {
    return h(
      'details', { class: 'problem problem--hint' },
      h('summary', { class: 'problem__title' }, icon('lightbulb'), h('span', {}, prose(diagnosis.title)), icon('chevronDown')),
      line && h('p', {}, 'See ', lineLink(line), '.'),
      remedy(diagnosis),
    );
  }

  /**
   * Leaves that asked for a gradient and got none, as far as no hint speaks of
   * them: in a model with many parameters nobody finds the one that is missing.
   * @param {import('./model/types.js').Trace} trace
   */
  function unreachedCard(trace) {
    const said = (trace.hints ?? []).map((/** @type {any} */ hint) => hint.diagnosis.title).join(' ');
    const unreached = trace.variables.filter((one) => one.is_leaf && one.grad_status === 'not_reached' && !said.includes(`\`${one.name}\``));
    // A loop's variable is another name of a parameter that has its own.
    const leaves = unreached.filter((one) => one.name.includes('.') || !unreached.some((other) => other !== one && other.tensor === one.tensor));
    if (leaves.length === 0) return null;
    const show = (/** @type {typeof leaves[number]} */ leaf) => {
      const card = shown(store.get())?.cardOfTensor.get(leaf.tensor);
      return card ? button({ label: leaf.name, title: 'Show it', class: 'button--link mono', onClick: () => actions.select({ kind: 'card', id: card }) }) : h('code', {}, leaf.name);
    };
    return h(
      'details', { class: 'problem problem--hint', open: leaves.length <= MOST_OPEN },
      h('summary', { class: 'problem__title' }, icon('lightbulb'),
        h('span', {}, leaves.length === 1 ? [h('code', {}, leaves[0].name), ' got no gradient'] : `${leaves.length} leaves got no gradient`), icon('chevronDown')),
      leaves.slice(0, MOST_LEAVES).map((leaf) => h('p', {}, leaves.length > 1 && [show(leaf), ': '], prose(leaf.explanation), leaves.length === 1 && [' ', show(leaf)])),
      leaves.length > MOST_LEAVES && h('p', {}, `and ${leaves.length - MOST_LEAVES} more`),
    );
  }

  /** @param {any} warning */
  function warningCard({ category, message, line }) {
    const text = message.replace(INTERNAL, '');
    return h(
      'details', { class: 'problem problem--hint' },
      h('summary', { class: 'problem__title' }, icon('triangleAlert'), h('span', {}, `${category}: ${shortened(text)}`), icon('chevronDown')),
      line && h('p', {}, 'See ', lineLink(line), '.'),
      h('p', {}, text),
    );
  }

  /** @param {import('./model/types.js').Trace} trace */
  function omittedCard(trace) {
    const cut = Object.entries(trace.omitted).filter(([, count]) => count > 0);
    const notes = /** @type {any} */ (trace).notes ?? [];
    if (cut.length === 0 && notes.length === 0) return null;
    return h(
      'div', { class: 'problem problem--quiet' },
      cut.length > 0 && h('p', {}, `Too large to send whole. Left out: ${cut.map(([what, count]) => `${count.toLocaleString('en')} ${LEFT_OUT[what] ?? what}`).join(', ')}.`),
      notes.map((/** @type {string} */ note) => h('p', {}, note)),
    );
  }

  store.on(['model', 'before', 'view', 'problem'], draw, { patient: true });
  draw(store.get());
}
