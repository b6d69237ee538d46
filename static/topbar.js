/**
 * Top bar: lesson menu, Share, Export, theme, help, Run.
 */
import { address } from './api.js';
import { button, fill, h, icon } from './dom.js';
import { openMenu } from './menu.js';
import { readAnswered } from './storage.js';

/**
 * @typedef {import('./state.js').State} State
 * @typedef {import('./store.js').Store<State>} Store
 */

const THEMES = /** @type {const} */ ({ system: ['monitor', 'System'], light: ['sun', 'Light'], dark: ['moon', 'Dark'] });
const apple = /Mac|iP/.test(navigator.platform);

/** In a frame of a course page: what belongs to a visit of one's own is left out. */
export const embedded = 'embed' in document.body.dataset;

/**
 * @param {{lesson: HTMLElement, actions: HTMLElement}} hosts
 * @param {Store} store
 * @param {import('./actions.js').Actions} actions
 * @param {import('./commands.js').Commands} commands
 */
export function createTopbar(hosts, store, actions, commands) {
  const lesson = h('button', { type: 'button', class: 'button', title: 'Choose a lesson (L)', 'aria-haspopup': 'menu', 'aria-expanded': 'false' });
  lesson.addEventListener('click', () => openMenu(lesson, lessonItems(store.get())));
  fill(hosts.lesson, lesson);

  const theme = button({ title: 'Theme', class: 'button--quiet', onClick: () => openMenu(theme, themeItems()), props: { 'aria-haspopup': 'menu', 'aria-expanded': 'false' } });
  const run = h('button', { type: 'button', class: 'button button--primary button--run' });
  run.addEventListener('click', () => (store.get().status === 'running' && store.get().progress ? actions.cancel() : actions.run()));
  const more = button({ icon: 'download', label: 'Export', title: 'Save the picture or the trace', class: 'button--quiet is-secondary', onClick: () => openMenu(more, commands.exportItems()), props: { 'aria-haspopup': 'menu', 'aria-expanded': 'false' } });
  if (embedded) {
    const open = h('a', { class: 'button button--quiet', target: '_blank', rel: 'noopener', title: 'Open this in a tab of its own' }, icon('externalLink'), h('span', { class: 'button__label' }, 'Open in Gradwalk'));
    const aim = () => (open.href = `${address('')}${location.hash}`);
    open.addEventListener('pointerenter', aim);
    open.addEventListener('focus', aim);
    aim();
    fill(hosts.actions, open, run);
    fill(hosts.lesson);
    store.on(['status', 'elapsed', 'progress', 'code', 'ranCode'], drawRun, { patient: true });
    drawRun(store.get());
    return;
  }
  const menu = button({ icon: 'menu', title: 'Everything that can be done', key: apple ? '⌘K' : 'Ctrl+K', class: 'button--quiet', onClick: () => commands.openPalette() });
  fill(
    hosts.actions,
    button({ icon: 'share2', label: 'Share', title: 'Copy a link to exactly this', class: 'button--quiet is-secondary', onClick: () => commands.share() }),
    more,
    theme,
    menu,
    button({ icon: 'circleHelp', title: 'Keys and help', key: '?', class: 'button--quiet is-secondary', onClick: () => commands.help() }),
    run,
  );

  /** @param {State} state */
  function lessonItems(state) {
    /** @type {Parameters<typeof openMenu>[1]} */
    const items = [{ icon: 'plus', label: 'New program', hint: 'empty editor', run: () => commands.newProgram() }];
    const answered = readAnswered();
    let section = '';
    for (const one of state.lessons) {
      if (one.section !== section) {
        section = one.section;
        items.push({ group: section });
      }
      items.push({ icon: answered[one.id] ? 'check' : 'circle', label: one.title, hint: answered[one.id] ? 'answered' : '', current: one.id === state.lesson, run: () => actions.openLesson(one.id) });
    }
    return items;
  }

  function themeItems() {
    const now = store.get().theme;
    return /** @type {State['theme'][]} */ (Object.keys(THEMES)).map((name) => ({
      icon: THEMES[name][0], label: THEMES[name][1], current: name === now, run: () => actions.setTheme(name),
    }));
  }

  store.on(['lesson', 'lessons', 'code'], (state) => {
    const now = state.lessons.find((one) => one.id === state.lesson);
    const changed = now && now.code !== state.code ? ' (changed)' : '';
    fill(lesson, h('span', { class: 'button__label' }, now ? now.title + changed : 'Your program'), icon('chevronDown'));
  });
  store.on(['theme'], drawTheme);
  store.on(['status', 'elapsed', 'progress', 'code', 'ranCode'], drawRun, { patient: true });

  function drawTheme(/** @type {State} */ state) {
    fill(theme, icon(THEMES[state.theme][0]));
    theme.title = `Theme: ${THEMES[state.theme][1].toLowerCase()}`;
    theme.setAttribute('aria-label', theme.title);
  }
  function drawRun(/** @type {State} */ state) {
    const waiting = state.status === 'running' && state.progress;
    const stale = state.ranCode !== null && state.ranCode !== state.code;
    const time = state.elapsed !== null && !stale ? duration(state.elapsed) : '';
    run.title = waiting ? 'Cancel the run' : `Run the program (${apple ? '⌘' : 'Ctrl+'}Enter)`;
    fill(
      run,
      icon(waiting ? 'square' : 'play'),
      h('span', {}, waiting ? `Cancel · ${soFar(waiting)}` : 'Run'),
      !waiting && h('kbd', { class: 'button__wide' }, time || (apple ? '⌘↵' : 'Ctrl ↵')),
    );
  }
  drawTheme(store.get());
  drawRun(store.get());
}

/** How far a run is. @param {NonNullable<State['progress']>} progress */
function soFar({ elapsed, ops, retryIn }) {
  if (retryIn !== null) return `busy, again in ${Math.ceil(retryIn / 1000)} s`;
  return `${(elapsed / 1000).toFixed(1)} s${ops ? ` · ${ops.toLocaleString('en')} ops` : ''}`;
}

/** @param {number} ms */
function duration(ms) {
  if (ms < 10_000) return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
  return `${(ms / 1000).toFixed(1)} s`;
}
