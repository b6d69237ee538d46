/**
 * The keyboard.  Keys that write text only act where no text is being written.
 */
import { tinykeys } from 'tinykeys';

/** @param {Event} event */
function writing(event) {
  const { target } = event;
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) return true;
  return target instanceof HTMLInputElement && target.type !== 'range' && target.type !== 'checkbox';
}

/** Open dialogs and menus have the keyboard to themselves. */
const covered = () => document.querySelector('dialog[open], [popover]:popover-open') !== null;

/**
 * @param {import('./store.js').Store<import('./state.js').State>} store
 * @param {import('./actions.js').Actions} actions
 * @param {import('./commands.js').Commands} commands
 * @param {{graph: import('./graph/types.js').Graph, editor: {focus: () => void}, lessonMenu: HTMLElement}} parts
 */
export function bindKeys(store, actions, commands, parts) {
  /** @param {(event: KeyboardEvent) => void} run @param {(event: KeyboardEvent) => boolean} [unless] */
  const plain = (run, unless) => (/** @type {KeyboardEvent} */ event) => {
    if (writing(event) || covered() || unless?.(event)) return;
    event.preventDefault();
    run(event);
  };
  // Buttons are pressed by Space, sliders and graph nodes are moved by arrows.
  const onButton = (/** @type {KeyboardEvent} */ event) => event.target instanceof Element && event.target.closest('button, a, [role="button"], summary') !== null;
  const onSlider = (/** @type {KeyboardEvent} */ event) => event.target instanceof HTMLInputElement && event.target.closest('.strip') === null;
  const inGraph = (/** @type {KeyboardEvent} */ event) => event.defaultPrevented || onSlider(event);
  const lesson = (/** @type {number} */ by) => {
    const { lessons, lesson: now } = store.get();
    const next = lessons[lessons.findIndex((one) => one.id === now) + by];
    if (next) actions.openLesson(next.id);
  };

  tinykeys(window, {
    '$mod+Enter': (event) => (event.preventDefault(), actions.run()),
    '$mod+k': (event) => {
      event.preventDefault();
      if (!covered()) commands.openPalette();
    },
    '$mod+z': plain(() => actions.undo()),
    '$mod+Shift+z': plain(() => actions.redo()),
    Space: plain(() => actions.togglePlay(), onButton),
    ArrowRight: plain(() => actions.step(1), inGraph),
    ArrowLeft: plain(() => actions.step(-1), inGraph),
    Home: plain(() => actions.goTo(-1), inGraph),
    End: plain(() => actions.goTo(Infinity), inGraph),
    '/': plain(() => commands.searchNodes()),
    'Shift+?': plain(() => commands.help()),
    '?': plain(() => commands.help()),
    e: plain(() => {
      actions.showTab('code');
      parts.editor.focus();
    }),
    a: plain(() => actions.toggleScope()),
    b: plain(() => actions.toggleView()),
    f: plain(() => parts.graph.fit()),
    d: plain(() => actions.setDirection(store.get().direction === 'TB' ? 'LR' : 'TB')),
    l: plain(() => parts.lessonMenu.querySelector('button')?.click()),
    '[': plain(() => lesson(-1)),
    ']': plain(() => lesson(1)),
    '+': plain(() => parts.graph.zoomIn()),
    'Shift++': plain(() => parts.graph.zoomIn()),
    '=': plain(() => parts.graph.zoomIn()),
    '-': plain(() => parts.graph.zoomOut()),
    Escape: plain(() => actions.select(null), (event) => event.defaultPrevented),
  });
}
