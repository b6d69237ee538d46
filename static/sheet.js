/** Modal sheets: a title, a body, Escape closes. */
import { button, h } from './dom.js';

/**
 * @param {string} title @param {(Node | string)[]} body @param {{class?: string}} [options]
 */
export function openSheet(title, body, options = {}) {
  const heading = `sheet-${Math.random().toString(36).slice(2, 8)}`;
  const dialog = h(
    'dialog', { class: `sheet ${options.class ?? ''}`, 'aria-labelledby': heading },
    h('div', { class: 'sheet__head' }, h('h2', { id: heading }, title), button({ icon: 'x', title: 'Close', key: 'Esc', class: 'button--quiet', onClick: () => dialog.close() })),
    h('div', { class: 'sheet__body', tabindex: '0', role: 'group', 'aria-labelledby': heading }, body),
  );
  dialog.addEventListener('close', () => dialog.remove());
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close();
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}
