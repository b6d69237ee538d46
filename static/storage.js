/**
 * What this browser keeps: settings, and drafts so that typed code is never
 * lost.  Storage may be forbidden or full: then the page works without it.
 */

/** @param {string} name @param {any} value */
function write(name, value) {
  try {
    localStorage.setItem(`gradwalk:${name}`, JSON.stringify(value));
  } catch {
    // Nothing can be kept; nothing else depends on it.
  }
}

/** @param {string} name @returns {any} */
function read(name) {
  try {
    return JSON.parse(localStorage.getItem(`gradwalk:${name}`) ?? 'null');
  } catch {
    return null;
  }
}

/** @typedef {Partial<Pick<import('./state.js').State, 'theme' | 'direction' | 'speed' | 'coach' | 'sizes'>>} Settings */

/** @returns {Settings} */
export const readSettings = () => read('settings') ?? {};

/** @param {Settings} settings */
export const writeSettings = (settings) => write('settings', settings);

/** @typedef {Partial<import('./state.js').State> & {code: string, saved: number}} Draft */

/** The program of last time; null if there was none, or nothing in it. @returns {Draft | null} */
export function readDraft() {
  const draft = read('draft');
  return typeof draft?.code === 'string' && draft.code.trim() !== '' ? draft : null;
}

/** @param {Draft | null} draft */
export const writeDraft = (draft) => write('draft', draft);

const SHELF = 20;

/** Programs that were put aside, newest first. @returns {Draft[]} */
export const readShelf = () => read('shelf') ?? [];

/** @param {Draft} draft */
export function putOnShelf(draft) {
  const others = readShelf().filter((one) => one.code !== draft.code);
  write('shelf', [draft, ...others].slice(0, SHELF));
}

/** Answered questions, by lesson id. @returns {Record<string, boolean>} */
export const readAnswered = () => read('answered') ?? {};

/** @param {string} lesson */
export function markAnswered(lesson) {
  write('answered', { ...readAnswered(), [lesson]: true });
}
