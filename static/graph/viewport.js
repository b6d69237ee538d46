/**
 * What of a big arrangement is in sight.
 *
 * @typedef {import('./arrange.js').Arrangement} Arrangement
 * @typedef {import('./camera.js').View} View
 * @typedef {{left: number, top: number, right: number, bottom: number}} Area  In the picture's own px.
 */
import Flatbush from 'flatbush';

export class Viewport {
  /** @param {Arrangement} arrangement */
  constructor(arrangement) {
    this.arrangement = arrangement;
    const { cards, links, cardById } = arrangement;
    this.cardIndex = cards.length > 0 ? new Flatbush(cards.length) : null;
    for (const { x, y, box } of cards) {
      this.cardIndex?.add(x - box.width / 2, y - box.height / 2, x + box.width / 2, y + box.height / 2);
    }
    this.cardIndex?.finish();
    this.linkIndex = links.length > 0 ? new Flatbush(links.length) : null;
    for (const { link } of links) {
      const [a, b] = [cardById.get(link.source), cardById.get(link.target)];
      const [ax, ay, bx, by] = [a?.x ?? 0, a?.y ?? 0, b?.x ?? 0, b?.y ?? 0];
      this.linkIndex?.add(Math.min(ax, bx), Math.min(ay, by), Math.max(ax, bx), Math.max(ay, by));
    }
    this.linkIndex?.finish();
  }

  /** @param {Area} area */
  cards({ left, top, right, bottom }) {
    const found = this.cardIndex?.search(left, top, right, bottom) ?? [];
    return found.sort((a, b) => a - b).map((i) => this.arrangement.cards[i]);
  }

  /** @param {Area} area */
  links({ left, top, right, bottom }) {
    const found = this.linkIndex?.search(left, top, right, bottom) ?? [];
    return found.map((i) => this.arrangement.links[i]);
  }

  /** The card under a point. @param {number} x @param {number} y */
  at(x, y) {
    const [i] = this.cardIndex?.search(x, y, x, y) ?? [];
    return i === undefined ? null : this.arrangement.cards[i];
  }
}

/**
 * What a window shows, and `more` times its size around that.
 * @param {View} view @param {{width: number, height: number}} size @param {number} [more] @returns {Area}
 */
export function areaOf({ k, x, y }, { width, height }, more = 0) {
  const [spareX, spareY] = [width * more, height * more];
  return {
    left: (-x - spareX) / k, top: (-y - spareY) / k,
    right: (width - x + spareX) / k, bottom: (height - y + spareY) / k,
  };
}

/** @param {Area} outer @param {Area} inner */
export function covers(outer, inner) {
  return outer.left <= inner.left && outer.top <= inner.top && outer.right >= inner.right && outer.bottom >= inner.bottom;
}
