/**
 * One box to find everything: commands, lessons, and the cards of the graph.
 */
import { fill, h, icon } from './dom.js';

/**
 * @typedef {{icon: string, label: string, hint: string, run: () => void, preview?: () => void}} Entry
 */

const MOST = 60;

/**
 * @param {string} label  Names the box and stands in it while it is empty.
 * @param {Entry[]} entries
 */
export function openPalette(label, entries) {
  const list = h('div', { class: 'palette__list', role: 'listbox', id: 'palette-list', 'aria-label': label });
  const input = h('input', {
    class: 'palette__input', type: 'text', placeholder: label, 'aria-label': label, role: 'combobox', 'aria-expanded': 'true',
    'aria-controls': 'palette-list', 'aria-autocomplete': 'list', autocomplete: 'off', spellcheck: 'false',
  });
  const dialog = h('dialog', { class: 'sheet palette', 'aria-label': label }, input, list);
  /** @type {Entry[]} */
  let found = [];
  let at = 0;

  function draw() {
    found = search(entries, input.value).slice(0, MOST);
    at = Math.min(at, Math.max(0, found.length - 1));
    if (found.length === 0) fill(list, h('div', { class: 'palette__none', role: 'option', 'aria-disabled': 'true', 'aria-selected': 'false' }, entries.length === 0 ? 'The program made no tensor that could be found.' : 'Nothing is called that.'));
    else {
      fill(list, found.map((entry, i) => h(
        'div', { class: 'palette__item', role: 'option', id: `palette-${i}`, 'aria-selected': String(i === at), on: { click: () => choose(entry), pointermove: () => i !== at && move(i) } },
        icon(entry.icon), h('span', {}, entry.label), h('small', {}, entry.hint),
      )));
    }
    input.setAttribute('aria-activedescendant', found.length > 0 ? `palette-${at}` : '');
  }
  /** @param {number} next */
  function move(next) {
    list.children[at]?.setAttribute('aria-selected', 'false');
    at = (next + found.length) % Math.max(1, found.length);
    list.children[at]?.setAttribute('aria-selected', 'true');
    list.children[at]?.scrollIntoView({ block: 'nearest' });
    input.setAttribute('aria-activedescendant', `palette-${at}`);
    found[at]?.preview?.();
  }
  /** @param {Entry | undefined} entry */
  function choose(entry) {
    dialog.close();
    entry?.run();
  }

  input.addEventListener('input', () => ((at = 0), draw()));
  input.addEventListener('keydown', (event) => {
    if (event.key === 'ArrowDown') move(at + 1);
    else if (event.key === 'ArrowUp') move(at - 1);
    else if (event.key === 'Enter') choose(found[at]);
    else return;
    event.preventDefault();
  });
  dialog.addEventListener('close', () => dialog.remove());
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close();
  });
  document.body.append(dialog);
  draw();
  dialog.showModal();
  input.focus();
}

/** All words of the question, in any order; matches at the start first. @param {Entry[]} entries @param {string} question */
function search(entries, question) {
  const words = question.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return entries;
  /** @type {{entry: Entry, rank: number}[]} */
  const out = [];
  for (const entry of entries) {
    const label = entry.label.toLowerCase();
    const text = `${label} ${entry.hint.toLowerCase()}`;
    if (!words.every((word) => text.includes(word))) continue;
    out.push({ entry, rank: label.startsWith(words[0]) ? 0 : label.includes(words[0]) ? 1 : 2 });
  }
  return out.sort((a, b) => a.rank - b.rank).map(({ entry }) => entry);
}
