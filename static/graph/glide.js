/**
 * From one arrangement to the next: what is in both glides to its new place.
 *
 * @typedef {import('./arrange.js').Arrangement} Arrangement
 * @typedef {import('./painter.js').Painter} Painter
 */
import { ease, tween } from './motion.js';
import { resample } from './routes.js';

export const MOVE_MS = 380;
/** Points of a line on its way. */
const COUNT = 24;

/** Does nothing stand elsewhere? @param {Arrangement} now @param {Arrangement} old */
export function isStill(now, old) {
  const places = new Map(old.cards.map((card) => [card.item.key, card]));
  return now.cards.every(({ item, x, y }) => {
    const was = places.get(item.key);
    return !was || (Math.abs(was.x - x) < 0.5 && Math.abs(was.y - y) < 0.5);
  });
}

/**
 * @param {Painter} painter @param {Arrangement} now @param {Arrangement} old
 * @param {() => import('../model/types.js').State} stateNow  Steps may be taken while it glides.
 * @returns {() => void}  Ends it at once, everything in place.
 */
export function glide(painter, now, old, stateNow) {
  const places = new Map(old.cards.map((card) => [card.item.key, { x: card.x, y: card.y }]));
  const lines = new Map(old.links.map((link) => [link.link.key, link.points]));
  const cards = now.cards.map((card) => {
    const to = { x: card.x, y: card.y };
    return { card, to, from: places.get(card.item.key) ?? to };
  });
  const links = now.links.map((link) => {
    const to = link.points;
    return { link, to, goal: resample(to, COUNT), from: resample(lines.get(link.link.key) ?? to, COUNT) };
  });
  const frame = (/** @type {number} */ t) => {
    const s = ease(t);
    const state = stateNow();
    for (const { card, to, from } of cards) {
      card.x = from.x + (to.x - from.x) * s;
      card.y = from.y + (to.y - from.y) * s;
    }
    for (const { link, to, goal, from } of links) {
      link.points = t === 1 ? to : goal.map((value, i) => from[i] + (value - from[i]) * s);
      painter.updateLink(now, link.link.id, state);
    }
    painter.placeCards(now.cards);
  };
  let running = true;
  const stop = tween(MOVE_MS, frame, () => { running = false; });
  return () => {
    if (!running) return;
    running = false;
    stop();
    frame(1);
  };
}
