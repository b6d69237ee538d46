/**
 * Menus: popovers under a button, walked with the arrow keys.
 */
import { h, icon } from './dom.js';

/**
 * @typedef {{icon?: string, label: string, hint?: string, current?: boolean, run: () => void}} Item
 * @typedef {{group: string}} Group
 */

/**
 * @param {HTMLElement} anchor @param {(Item | Group | false | null | undefined)[]} entries
 */
export function openMenu(anchor, entries) {
  const menu = h('div', { class: 'menu', role: 'menu', popover: 'auto' });
  // What comes after a heading is its group, also to those who don't see it.
  let into = menu;
  for (const entry of entries) {
    if (!entry) continue;
    if ('group' in entry) {
      into = h('div', { class: 'menu__part', role: 'group', 'aria-label': entry.group }, h('div', { class: 'menu__group', 'aria-hidden': 'true' }, entry.group));
      menu.append(into);
    } else into.append(itemOf(entry, () => menu.hidePopover()));
  }
  menu.addEventListener('toggle', (event) => {
    const open = /** @type {ToggleEvent} */ (event).newState === 'open';
    anchor.setAttribute('aria-expanded', String(open));
    if (open) return;
    const inside = menu.contains(document.activeElement) || document.activeElement === document.body;
    menu.remove();
    if (inside && anchor.isConnected) anchor.focus();
  });
  menu.setAttribute('aria-label', anchor.getAttribute('aria-label') ?? anchor.textContent);
  menu.addEventListener('keydown', (event) => walk(menu, event));
  menu.addEventListener('keydown', (event) => {
    // One stop of the Tab key: it leaves the menu, and goes on from its button.
    if (event.key === 'Tab') menu.hidePopover();
  });
  (anchor.closest('dialog, header, main') ?? document.body).append(menu);
  menu.showPopover();
  place(menu, anchor);
  const items = [...menu.querySelectorAll('button')];
  (items.find((one) => one.getAttribute('aria-current') === 'true') ?? items[0])?.focus();
}

/** @param {Item} entry @param {() => void} close */
function itemOf(entry, close) {
  const run = () => {
    close();
    entry.run();
  };
  return h(
    'button', { type: 'button', class: 'menu__item', role: 'menuitem', 'aria-current': entry.current ? 'true' : undefined, on: { click: run } },
    entry.icon && icon(entry.icon), h('span', {}, entry.label), entry.hint && h('small', {}, entry.hint),
  );
}

/** @param {HTMLElement} menu @param {HTMLElement} anchor */
function place(menu, anchor) {
  const box = anchor.getBoundingClientRect();
  const { offsetWidth, offsetHeight } = menu;
  const left = Math.max(8, Math.min(box.left, innerWidth - offsetWidth - 8));
  const below = box.bottom + 4;
  const top = below + offsetHeight <= innerHeight - 8 ? below : Math.max(8, box.top - offsetHeight - 4);
  menu.style.left = `${left}px`;
  menu.style.top = `${top}px`;
}

/** @param {HTMLElement} menu @param {KeyboardEvent} event */
function walk(menu, event) {
  const items = [...menu.querySelectorAll('button')];
  const at = items.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
  const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
  if (next === undefined) return;
  event.preventDefault();
  event.stopPropagation();
  items[(next + items.length) % items.length].focus();
}
