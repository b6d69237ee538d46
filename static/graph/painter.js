/**
 * Keeps the SVG in step with an arrangement, by keyed joins.
 *
 * @typedef {import('./arrange.js').Arrangement} Arrangement
 * @typedef {import('./cards.js').Drawn} Drawn
 * @typedef {import('./links.js').DrawnLink} DrawnLink
 * @typedef {import('../model/types.js').State} State
 * @typedef {import('../model/types.js').Comparison} Comparison
 * @typedef {import('../model/types.js').Ref} Ref
 */
import { select } from 'd3';
import { progressOf } from '../model/progress.js';
import { at, buildCard, updateCard, updateGroup } from './cards.js';
import { buildLink, linkNow, MANY, nameOfLink, updateLabel, updateLink } from './links.js';
import { engineText, textWidth } from './measure.js';
import { writeOne } from './write.js';

export class Painter {
  /** @param {SVGSVGElement} svg */
  constructor(svg) {
    addHatch(svg);
    const root = select(svg).append('g').attr('class', 'gw-world');
    this.world = /** @type {SVGGElement} */ (root.node());
    this.groupLayer = root.append('g').attr('class', 'gw-groups');
    this.linkLayer = root.append('g').attr('class', 'gw-links');
    this.cardLayer = root.append('g').attr('class', 'gw-cards');
    this.labelLayer = root.append('g').attr('class', 'gw-labels').attr('aria-hidden', 'true');
    this.headingLayer = root.append('g').attr('class', 'gw-headings');
    this.pulseLayer = root.append('g').attr('class', 'gw-pulses').attr('aria-hidden', 'true');
    /** @type {WeakMap<SVGGElement, unknown[]>} */
    this.looks = new WeakMap();
    /** @type {WeakMap<SVGGElement, Drawn>} What each card's frame was made for. */
    this.frames = new WeakMap();
    /** @type {Map<string, SVGGElement>} */
    this.cardElements = new Map();
    /** @type {Map<string, SVGGElement>} */
    this.linkElements = new Map();
    /** @type {Map<string, SVGGElement>} */
    this.labelElements = new Map();
  }

  /**
   * Make an element for each thing to be seen.
   * @param {Drawn[]} cards @param {DrawnLink[]} links
   */
  join(cards, links) {
    this.cardLayer.selectAll('g.gw-card').data(cards, (d) => /** @type {Drawn} */ (d).item.key)
      .join((enter) => enter.append('g').attr('tabindex', 0).attr('role', 'button'))
      .each((d, i, all) => this.refreshFrame(/** @type {SVGGElement} */ (all[i]), d))
      .order();
    this.linkLayer.selectAll('g.gw-link').data(links, (d) => /** @type {DrawnLink} */ (d).link.key + /** @type {DrawnLink} */ (d).link.severed)
      .join((enter) => enter.append('g').attr('class', 'gw-link').attr('role', 'img'))
      .each((d, i, all) => {
        const element = /** @type {SVGGElement} */ (all[i]);
        const signature = `${d.link.gradients.length > 0}${d.link.severed}${d.link.cut}`;
        if (element.dataset.signature !== signature) {
          buildLink(element, d);
          this.looks.delete(element);
        }
        element.dataset.signature = signature;
        element.dataset.link = d.link.id;
      });
    this.labelLayer.selectAll('g.gw-edge-label').data(links.filter((d) => d.label), (d) => /** @type {DrawnLink} */ (d).link.key)
      .join((enter) => {
        const g = enter.append('g').attr('class', 'gw-edge-label');
        g.append('rect').attr('rx', 5);
        g.append('text');
        return g;
      });
    this.index();
  }

  /** Frames of open groups. @param {import('./arrange.js').DrawnGroup[]} groups */
  joinGroups(groups) {
    const key = (/** @type {unknown} */ d) => /** @type {import('./arrange.js').DrawnGroup} */ (d).group.id;
    this.groupLayer.selectAll('rect').data(groups, key).join('rect').attr('class', 'gw-group__frame').attr('rx', 14)
      .attr('x', (d) => d.x - d.width / 2).attr('y', (d) => d.y - d.height / 2)
      .attr('width', (d) => d.width).attr('height', (d) => d.height);
    this.headingLayer.selectAll('g').data(groups, key).join((enter) => {
      const g = enter.append('g').attr('class', 'gw-group__close').attr('tabindex', 0).attr('role', 'button');
      g.append('rect').attr('rx', 7).attr('height', 20);
      g.append('text').attr('x', 9).attr('y', 14).text((d) => `− ${d.group.title}`);
      return g;
    }).attr('data-group', (d) => d.group.id).attr('aria-label', (d) => `Close the group ${d.group.title}`)
      .attr('transform', (d) => at(d.x - d.width / 2 + 12, d.y - d.height / 2 + 8))
      .select('rect').attr('width', (d) => textWidth(`− ${d.group.title}`, 'engine') + 18);
  }

  /** Rebuild a card's frame only where it changed. @param {SVGGElement} element @param {Drawn} drawn */
  refreshFrame(element, drawn) {
    if (this.frames.get(element) === drawn) return;
    this.frames.set(element, drawn);
    const { item, box } = drawn;
    const { card, group } = item;
    const kind = group ? 'group' : (card?.kind ?? 'op');
    const signature = JSON.stringify([kind, card?.title ?? group?.title, card && engineText(card), card?.names, card?.reason, group?.cards.length, box]);
    if (element.dataset.signature !== signature) {
      buildCard(element, drawn);
      this.looks.delete(element);
      element.dataset.signature = signature;
    }
    const selected = element.classList.contains('is-selected');
    element.setAttribute('class', `gw-card gw-card--${kind}`);
    element.classList.toggle('is-cut', Boolean(card?.cut));
    element.classList.toggle('is-root', Boolean(card?.root));
    element.classList.toggle('is-selected', selected);
    element.dataset.card = item.id;
    element.dataset.title = card?.title ?? group?.title ?? '';
  }

  index() {
    this.cardElements.clear();
    this.linkElements.clear();
    this.labelElements.clear();
    for (const node of this.cardLayer.selectAll('g.gw-card').nodes()) {
      this.cardElements.set(select(/** @type {SVGGElement} */ (node)).datum().item.id, /** @type {SVGGElement} */ (node));
    }
    for (const node of this.linkLayer.selectAll('g.gw-link').nodes()) {
      this.linkElements.set(select(/** @type {SVGGElement} */ (node)).datum().link.id, /** @type {SVGGElement} */ (node));
    }
    for (const node of this.labelLayer.selectAll('g.gw-edge-label').nodes()) {
      this.labelElements.set(select(/** @type {SVGGElement} */ (node)).datum().link.id, /** @type {SVGGElement} */ (node));
    }
  }

  /**
   * Numbers of everything drawn, at a step.
   * @param {Arrangement} arrangement @param {State} state @param {Comparison | null} compare
   */
  update(arrangement, state, compare) {
    for (const [id] of this.cardElements) this.updateCard(arrangement, id, state, compare);
    for (const [id] of this.linkElements) this.updateLink(arrangement, id, state);
  }

  /** @param {Arrangement} arrangement @param {string} id @param {State} state @param {Comparison | null} compare */
  updateCard(arrangement, id, state, compare) {
    const drawn = arrangement.cardById.get(id);
    const element = this.cardElements.get(id);
    if (!drawn || !element) return;
    if (drawn.item.group) {
      updateGroup(element, drawn, progressOf(arrangement.model, drawn.item.group, state.step));
      return;
    }
    const card = drawn.item.card;
    if (!card) return;
    const arrival = card.kind === 'leaf' ? arrivalOf(arrangement, card.tensors[0], state.step) : -1;
    const now = state.card(card.id);
    const change = compare?.byAfter.get(card.id);
    const { value, gradient, arrived, status, grad } = now;
    const look = [drawn.item, drawn.box, value, gradient, ...arrived, status, grad?.after, grad?.changed, change, arrival];
    if (this.unchanged(element, look)) return;
    updateCard(element, drawn, now, change, arrival);
  }

  /** @param {Arrangement} arrangement @param {string} id @param {State} state */
  updateLink(arrangement, id, state) {
    const drawn = arrangement.linkById.get(id);
    const element = this.linkElements.get(id);
    if (!drawn || !element) return;
    drawn.now = linkNow(drawn.link, state);
    const forwardActive = this.readNow(arrangement, drawn.link, state);
    const { now } = drawn;
    const look = [drawn.link, drawn.points, now.state, now.gradient, now.sent, forwardActive, drawn.label, arrangement.largest];
    if (this.unchanged(element, look)) return;
    updateLink(element, drawn, arrangement.largest, forwardActive);
    const title = element.querySelector('title');
    if (title) title.textContent = nameOfLink(drawn);
    const label = this.labelElements.get(id);
    if (label) updateLabel(label, drawn);
  }

  /** Is it read in this step? @param {Arrangement} arrangement @param {import('../model/scene.js').Link} link @param {State} state */
  readNow({ model, scene }, link, state) {
    if (link.forward.length <= MANY) return link.forward.some((edge) => state.edge(edge.id).state === 'active');
    const step = model.steps[state.step];
    return step?.kind === 'op' && step.edges.some((edge) => scene.linkOf.get(edge) === link.id);
  }

  /**
   * Was the element last drawn just so?  Remembers how it is drawn now.
   * @param {SVGGElement} element @param {unknown[]} look
   */
  unchanged(element, look) {
    const last = this.looks.get(element);
    this.looks.set(element, look);
    return last !== undefined && last.length === look.length && last.every((one, i) => one === look[i]);
  }

  /** Put cards where they stand. @param {Iterable<Drawn>} cards */
  placeCards(cards) {
    for (const { item, box, x, y } of cards) {
      const element = this.cardElements.get(item.id);
      if (element) writeOne(element, 'transform', at(x - box.width / 2, y - box.height / 2));
    }
  }

  /** @param {string} className @param {Set<string>} cards @param {Set<string>} links  Item and link ids. */
  mark(className, cards, links) {
    for (const [id, element] of this.cardElements) element.classList.toggle(className, cards.has(id));
    for (const [id, element] of this.linkElements) element.classList.toggle(className, links.has(id));
    for (const [id, element] of this.labelElements) element.classList.toggle(className, links.has(id));
  }
}

/** The step at which a leaf's .grad arrives next. @param {Arrangement} arrangement @param {string} tensor @param {number} step */
function arrivalOf(arrangement, tensor, step) {
  const list = arrangement.model.history.grads.get(tensor);
  return list?.find((entry) => entry.step > step && entry.after)?.step ?? -1;
}

/** The pattern of gradients that an intervention took away. @param {SVGSVGElement} svg */
function addHatch(svg) {
  const pattern = select(svg).append('defs').append('pattern').attr('id', 'gw-hatch')
    .attr('patternUnits', 'userSpaceOnUse').attr('width', 5).attr('height', 5).attr('patternTransform', 'rotate(45)');
  pattern.append('rect').attr('class', 'gw-hatch-ground').attr('width', 5).attr('height', 5);
  pattern.append('rect').attr('class', 'gw-hatch-line').attr('width', 1.6).attr('height', 5);
}
