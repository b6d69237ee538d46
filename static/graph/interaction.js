/**
 * Mouse and keys on the picture: select, hover, open, intervene, move.
 *
 * @typedef {import('../model/types.js').Ref} Ref
 * @typedef {import('./picture.js').Picture} Picture
 */
import { select } from 'd3';
import { textWidth } from './measure.js';
import { BUTTON, isInSight, spotsFor } from './spots.js';
import { areaOf } from './viewport.js';
import { writeOne } from './write.js';

/** What can be done on the selected card. @type {{kind: 'detach' | 'no_grad', text: string, title: string}[]} */
const ACTIONS = [
  { kind: 'detach', text: '✂ detach here', title: 'Run again with this result detached from the graph' },
  { kind: 'no_grad', text: 'no_grad', title: 'Run again with this expression under no_grad' },
];

/** The camera rests, ms after it moved last. */
const REST = 200;

/** Of the buttons, px; letters are measured when the first are drawn. */
const widths = () => ACTIONS.map(({ text }) => Math.ceil(textWidth(text, 'engine')) + 22);

export class Interaction {
  /** @param {Picture} picture */
  constructor(picture) {
    this.picture = picture;
    const { svg } = picture;
    svg.addEventListener('click', (event) => this.clicked(event));
    svg.addEventListener('pointerover', (event) => this.over(event));
    svg.addEventListener('pointermove', (event) => {
      if (this.picture.detail.far) this.over(event);
    });
    svg.addEventListener('pointerleave', () => this.tell(null));
    svg.addEventListener('keydown', (event) => this.key(event));
    picture.element.addEventListener('keydown', (event) => this.cameraKey(event));
    this.actions = select(svg).select('.gw-world').append('g').attr('class', 'gw-actions');
    /** @type {string} What was last said to be hovered. */
    this.told = '';
    /** @type {string} */
    this.offered = '';
    /** @type {import('../model/types.js').Card | null | undefined} */
    this.offeredFor = null;
    /** @type {{drawn: import('./cards.js').Drawn, boxes: import('./spots.js').Box[]} | null} Where the buttons stand. */
    this.placed = null;
    this.resting = 0;
  }

  /** @param {Event} event @returns {Ref | null} */
  refOf(event) {
    if (this.picture.detail.far) return this.farRef(event);
    const target = /** @type {Element} */ (event.target);
    const card = /** @type {SVGGElement | null} */ (target.closest('.gw-card'));
    if (card) {
      const id = card.dataset.card ?? '';
      return { kind: id.startsWith('g:') ? 'group' : 'card', id };
    }
    const link = /** @type {SVGGElement | null} */ (target.closest('.gw-link'));
    const drawn = link && this.picture.arrangement?.linkById.get(link.dataset.link ?? '');
    if (!drawn) return null;
    const edge = drawn.now.edge ?? drawn.link.gradients[0] ?? drawn.link.forward[0];
    return edge ? { kind: 'edge', id: edge.id } : null;
  }

  /** From afar nothing is an element: ask where the pointer is. @param {Event} event @returns {Ref | null} */
  farRef(event) {
    const { camera, svg, detail: { viewport } } = this.picture;
    if (!viewport || !(event instanceof MouseEvent)) return null;
    const { left, top } = svg.getBoundingClientRect();
    const { k, x, y } = camera.view;
    const found = viewport.at((event.clientX - left - x) / k, (event.clientY - top - y) / k);
    return found ? { kind: found.item.group ? 'group' : 'card', id: found.item.id } : null;
  }

  /** @param {MouseEvent} event */
  clicked(event) {
    if (/** @type {Element} */ (event.target).closest('.gw-action')) return;
    const opened = openGroup(event);
    if (opened) {
      void this.picture.toggleGroup(opened);
      return;
    }
    const ref = this.refOf(event);
    if (ref?.kind === 'group') void this.picture.toggleGroup(ref.id);
    else this.choose(ref);
  }

  /** @param {Ref | null} ref */
  choose(ref) {
    this.picture.select(ref);
    this.picture.handlers.onSelect?.(ref);
  }

  /** @param {Event} event */
  over(event) {
    this.tell(this.refOf(event));
  }

  /** @param {Ref | null} ref */
  tell(ref) {
    const key = ref ? `${ref.kind}:${ref.id}` : '';
    if (key === this.told) return;
    this.told = key;
    this.picture.hover(ref);
    this.picture.handlers.onHover?.(ref);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.key !== 'Enter' && event.key !== ' ') {
      if (event.key === 'Escape' && this.picture.selected) {
        this.choose(null);
        event.stopPropagation();
      }
      return;
    }
    const action = /** @type {SVGGElement | null} */ (/** @type {Element} */ (event.target).closest('.gw-action'));
    event.preventDefault();
    event.stopPropagation();
    if (action) {
      action.dispatchEvent(new MouseEvent('click', { bubbles: true }));
      return;
    }
    const ref = this.refOf(event);
    const group = openGroup(event) ?? (ref?.kind === 'group' ? ref.id : null);
    if (group) void this.picture.toggleGroup(group);
    else if (ref) this.choose(ref);
  }

  /** @param {KeyboardEvent} event */
  cameraKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { camera } = this.picture;
    /** @type {Record<string, () => void>} */
    const keys = {
      '+': () => camera.scaleBy(1.25),
      '=': () => camera.scaleBy(1.25),
      '-': () => camera.scaleBy(0.8),
      ...(event.shiftKey ? {
        ArrowLeft: () => camera.pan(-1, 0), ArrowRight: () => camera.pan(1, 0),
        ArrowUp: () => camera.pan(0, -1), ArrowDown: () => camera.pan(0, 1),
      } : {}),
    };
    const act = keys[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }

  /** Show what is selected and hovered. */
  paint() {
    const { painter, selected, hovered } = this.picture;
    const [selectedCards, selectedLinks] = this.things(selected);
    painter.mark('is-selected', selectedCards, selectedLinks);
    const [hoveredCards, hoveredLinks] = this.things(hovered);
    for (const { link } of hovered ? (this.picture.arrangement?.links ?? []) : []) {
      if (hoveredCards.has(link.source) || hoveredCards.has(link.target)) hoveredLinks.add(link.id);
    }
    painter.mark('is-hover', hoveredCards, hoveredLinks);
    for (const [id, element] of painter.cardElements) {
      writeOne(element, 'aria-pressed', String(selectedCards.has(id)));
    }
    this.paintActions();
  }

  /** @param {Ref | null} ref @returns {[Set<string>, Set<string>]} */
  things(ref) {
    const scene = this.picture.arrangement?.scene;
    if (!ref || !scene) return [new Set(), new Set()];
    if (ref.kind === 'edge') {
      const link = scene.linkOf.get(ref.id);
      return [new Set(), new Set(link ? [link] : [])];
    }
    return [new Set([scene.itemOf.get(ref.id) ?? ref.id]), new Set()];
  }

  /** The small buttons beside the selected card. */
  paintActions() {
    const { selected, arrangement, handlers } = this.picture;
    const drawn = selected?.kind === 'card'
      ? arrangement?.cardById.get(arrangement.scene.itemOf.get(selected.id) ?? selected.id) : undefined;
    const card = drawn?.item.card;
    const possible = drawn && card?.site && handlers.onIntervene && (card.kind === 'op' || card.cut);
    // A button that has the focus must not be made anew at every step.
    const wanted = possible ? `${card.id},${drawn.x},${drawn.y},${drawn.box.width}` : '';
    if (wanted === this.offered && this.offeredFor === card) return;
    this.offered = wanted;
    this.offeredFor = card;
    this.actions.selectAll('*').remove();
    this.placed = null;
    if (!possible) return;
    ACTIONS.forEach(({ kind, text, title }, i) => {
      const on = card.cut === kind;
      const button = this.actions.append('g').attr('class', `gw-action gw-action--${kind}${on ? ' is-on' : ''}`)
        .attr('tabindex', 0).attr('role', 'button')
        .attr('aria-pressed', String(on)).attr('aria-label', `${text.replace('✂ ', '')}: ${card.title}`)
        .on('click', (event) => {
          event.stopPropagation();
          handlers.onIntervene?.({ kind, card });
        });
      button.append('title').text(on ? 'Take it back' : title);
      button.append('rect').attr('rx', 12).attr('width', widths()[i]).attr('height', BUTTON);
      button.append('text').attr('x', widths()[i] / 2).attr('y', 16).text(text);
    });
    this.place(drawn);
  }

  /** Put the buttons where there is room for them in sight. @param {import('./cards.js').Drawn} drawn */
  place(drawn) {
    const { arrangement, camera, detail: { viewport } } = this.picture;
    const sight = areaOf(camera.view, camera.size);
    const near = viewport ? { cards: viewport.cards(sight), links: viewport.links(sight) } : arrangement;
    const boxes = spotsFor(drawn, widths(), near?.cards ?? [], near?.links ?? [], sight);
    this.actions.selectAll('.gw-action').attr('transform', (_, i) => `translate(${boxes[i].left},${boxes[i].top})`);
    this.placed = { drawn, boxes };
  }

  /** The camera moves: when it rests, buttons that are out of sight come to where they can be pressed. */
  viewed() {
    clearTimeout(this.resting);
    if (!this.placed) return;
    this.resting = window.setTimeout(() => {
      const { camera } = this.picture;
      const { drawn, boxes } = this.placed ?? {};
      if (drawn && !boxes?.every((one) => isInSight(one, areaOf(camera.view, camera.size)))) this.place(drawn);
    }, REST);
  }
}

/** The open group whose heading this event is on. @param {Event} event @returns {string | null} */
function openGroup(event) {
  const close = /** @type {SVGGElement | null} */ (/** @type {Element} */ (event.target).closest('.gw-group__close'));
  return close?.dataset.group ?? null;
}
