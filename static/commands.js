/**
 * The commands behind palette, menus and keys, with the name and key of each.
 */
import { h } from './dom.js';
import { pickTrace, saveFrom, saveJSON, savePNG, saveSVG } from './export/index.js';
import { openPalette } from './palette.js';
import { openShare } from './share/index.js';
import { openSheet } from './sheet.js';
import { shown } from './state.js';
import { readShelf } from './storage.js';
import { toast } from './toast.js';

/**
 * @typedef {ReturnType<typeof createCommands>} Commands
 * @typedef {{store: import('./store.js').Store<import('./state.js').State>, actions: import('./actions.js').Actions,
 *   graph: () => import('./graph/types.js').Graph, editor: () => {focus: () => void}}} Parts
 */

const mod = /Mac|iP/.test(navigator.platform) ? '⌘' : 'Ctrl+';

/** @param {Parts} parts */
export function createCommands(parts) {
  const { store, actions } = parts;
  const model = () => shown(store.get());

  const exports = /** @type {const} */ ([
    ['image', 'Picture as SVG', () => withPicture(() => saveSVG(parts.graph().exportSVG()))],
    ['image', 'Picture as PNG', () => withPicture(() => void savePNG(parts.graph().exportSVG()))],
    ['fileDown', 'Trace as JSON', () => withModel(saveJSON)],
    ['gitFork', 'Graph as DOT (Graphviz)', () => withPicture((one) => void saveFrom(one, 'dot'))],
    ['gitFork', 'Graph as Mermaid', () => withPicture((one) => void saveFrom(one, 'mermaid'))],
    ['externalLink', 'Page of its own (HTML)', () => withModel((one) => void saveFrom(one, 'html'))],
  ]);

  /** @param {(model: import('./model/types.js').Model) => void} use */
  function withModel(use) {
    const now = model();
    if (now) use(now);
  }

  /** @param {(model: import('./model/types.js').Model) => void} use */
  function withPicture(use) {
    if (model()?.cards.length) withModel(use);
    else toast('There is no picture to save: the program made no tensor');
  }

  const api = {
    newProgram() {
      actions.newProgram();
      parts.editor().focus();
    },
    share: () => void openShare(store.get()),
    exportItems: () => [
      { group: 'Save' },
      ...exports.map(([icon, label, run]) => ({ icon, label, run })),
      { icon: 'list', label: 'Print', run: () => print() },
      { group: 'Open' },
      { icon: 'externalLink', label: 'Open a trace file', run: api.openTrace },
    ],
    async openTrace() {
      const picked = await pickTrace();
      if (!picked) return;
      try {
        await actions.openTrace(picked.trace, picked.code);
        if (picked.code === '') toast('This file has no program in it: its run can be walked, but not run again');
      } catch {
        toast('This trace is damaged: it can’t be drawn');
      }
    },
    help,
    openPalette: () => openPalette('Find a command, a lesson or a node', [...commands(), ...lessons(), ...shelf(), ...nodes()]),
    searchNodes: () => openPalette('Find a node, an expression or a variable', nodes()),
  };

  /** @returns {import('./palette.js').Entry[]} */
  function commands() {
    const { interventions, before } = store.get();
    const entry = (/** @type {string} */ icon, /** @type {string} */ label, /** @type {string} */ hint, /** @type {() => void} */ run) => ({ icon, label, hint, run });
    return [
      entry('play', 'Run', `${mod}Enter`, actions.run),
      entry('play', 'Play or pause the walk', 'Space', actions.togglePlay),
      entry('skipBack', 'Go to the start', 'Home', () => actions.goTo(-1)),
      entry('skipForward', 'Go to the end', 'End', () => actions.goTo(Infinity)),
      entry('search', 'Find a node', '/', api.searchNodes),
      entry('code', 'Edit the code', 'E', () => parts.editor().focus()),
      entry('plus', 'New program', '', api.newProgram),
      entry('maximize', 'Fit the whole graph', 'F', () => parts.graph().fit()),
      entry('arrowRight', 'Turn the flow', 'D', () => actions.setDirection(store.get().direction === 'TB' ? 'LR' : 'TB')),
      entry('share2', 'Share a link to this', '', api.share),
      ...exports.map(([icon, label, run]) => entry(icon, `Export: ${label}`, '', run)),
      entry('externalLink', 'Open a trace file', '', () => void api.openTrace()),
      entry('undo2', 'Undo the last what-if, input or lesson', `${mod}Z`, () => actions.undo()),
      entry('redo2', 'Redo', `${mod}Shift+Z`, () => actions.redo()),
      entry('layers', 'Draw one backward call or all', 'A', () => actions.toggleScope()),
      ...(before ? [entry('repeat', 'Switch before and after', 'B', () => actions.toggleView())] : []),
      ...(interventions.length > 0 ? [
        entry('pencil', 'Write the what-ifs into the code', '', () => actions.writeIntoCode()),
        entry('x', 'Remove all what-ifs', '', () => actions.removeIntervention(null)),
      ] : []),
      entry('sun', 'Theme: light', '', () => actions.setTheme('light')),
      entry('moon', 'Theme: dark', '', () => actions.setTheme('dark')),
      entry('monitor', 'Theme: as the system', '', () => actions.setTheme('system')),
      entry('keyboard', 'Keys and help', '?', help),
    ];
  }

  /** @returns {import('./palette.js').Entry[]} */
  function lessons() {
    return store.get().lessons.map((one) => ({ icon: 'bookOpen', label: one.title, hint: one.section, run: () => actions.openLesson(one.id) }));
  }

  /** @returns {import('./palette.js').Entry[]} */
  function shelf() {
    return readShelf().map((draft) => ({
      icon: 'rotateCcw', label: `Bring back: ${draft.code.trim().split('\n')[0].slice(0, 60)}`,
      hint: new Date(draft.saved).toLocaleString(), run: () => actions.openProgram(draft.code),
    }));
  }

  /** @returns {import('./palette.js').Entry[]} */
  function nodes() {
    return (model()?.cards ?? []).map((card) => ({
      icon: card.kind === 'leaf' ? 'circle' : card.kind === 'ghost' ? 'unlink' : 'box',
      label: nameInSearch(card),
      hint: [card.engine, card.module, card.kind !== 'leaf' && card.names.join(', '), card.site && `line ${card.site.line}`, card.iteration.length > 0 && `turn ${card.iteration.map((i) => i + 1).join('.')}`].filter(Boolean).join(' · '),
      run() {
        actions.select({ kind: 'card', id: card.id });
        parts.graph().reveal({ kind: 'card', id: card.id });
      },
    }));
  }
  return api;
}

/** Steps inside of a module's call share its expression: their own names tell them apart. @param {import('./model/types.js').Card} card */
function nameInSearch(card) {
  if (card.kind === 'leaf' && card.names[0]) return card.names[0];
  return (!card.module && card.expression) || card.title;
}

const KEYS = [
  ['Run the program', `${mod}Enter`], ['Play or pause', 'Space'], ['One step forward', '→'], ['One step back', '←'],
  ['To the start', 'Home'], ['To the end', 'End'], ['Find a node', '/'], ['All commands', `${mod}K`],
  ['Edit the code', 'E'], ['Leave the editor', 'Esc, then Tab'], ['Before and after', 'B'], ['One backward call or all', 'A'], ['Fit the graph', 'F'], ['Zoom', '+ and −'],
  ['Turn the flow', 'D'], ['Lesson menu', 'L'], ['Previous, next lesson', '[ and ]'], ['Undo a what-if', `${mod}Z`], ['Deselect', 'Esc'], ['This help', '?'],
];

function help() {
  openSheet('Keys', [
    h('dl', { class: 'keys' }, KEYS.map(([what, key]) => h('div', {}, h('dt', {}, what), h('dd', {}, h('kbd', {}, key))))),
  ]);
}
