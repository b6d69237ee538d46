/**
 * Over a big graph: how much of it is shown, and one button to open all of it.
 */

export class GroupBar {
  /** @param {HTMLElement} host @param {(open: boolean) => void} onExpand */
  constructor(host, onExpand) {
    this.element = document.createElement('div');
    this.element.className = 'gw-groupbar';
    this.text = document.createElement('span');
    this.button = document.createElement('button');
    this.button.type = 'button';
    this.element.append(this.text, this.button);
    this.element.hidden = true;
    host.append(this.element);
    this.expanded = false;
    this.button.addEventListener('click', () => onExpand(!this.expanded));
  }

  /** @param {{cards: number, groups: number, grouped: boolean, expanded: boolean}} now */
  show({ cards, groups, grouped, expanded }) {
    this.expanded = expanded;
    this.element.hidden = !grouped;
    if (!grouped) return;
    const count = cards.toLocaleString('en');
    this.text.textContent = expanded ? `All ${count} cards` : `${count} cards, ${groups} closed ${groups === 1 ? 'group' : 'groups'}`;
    this.button.textContent = expanded ? 'Group them' : 'Open all';
    this.button.title = expanded ? 'Collapse by module, line and repeat' : 'Show every card';
  }
}
