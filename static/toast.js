/** Short messages at the bottom, with at most one action. */
import { button, byId, h } from './dom.js';

const SHOWN = 6000;

/** @param {string} text @param {{label: string, title: string, run: () => void}} [action] */
export function toast(text, action) {
  const host = hostInSight();
  const close = () => element.remove();
  const element = h(
    'div', { class: 'toast' }, h('span', {}, text),
    action && button({ label: action.label, title: action.title, class: 'button--small', onClick: () => (close(), action.run()) }),
    button({ icon: 'x', title: 'Dismiss', class: 'button--small button--quiet', onClick: close }),
  );
  while (host.childElementCount > 1) host.firstElementChild?.remove();
  host.append(element);
  setTimeout(close, SHOWN);
}

/** Messages stand above an open dialog, in it: all else is dimmed, and can't be pressed. */
function hostInSight() {
  const host = byId('toasts');
  const dialog = document.querySelector('dialog[open]');
  if (dialog && !dialog.contains(host)) {
    dialog.append(host);
    dialog.addEventListener('close', () => document.body.append(host), { once: true });
  }
  return host;
}

/** @param {string} text @param {string} what */
export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    toast(`${what} copied`);
    return true;
  } catch {
    toast('The browser does not allow copying here: select the text and copy it by hand');
    return false;
  }
}
