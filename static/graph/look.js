/**
 * What the camera looks at, and how near, when a picture opens or a step is made.
 *
 * @typedef {import('./arrange.js').Arrangement} Arrangement
 * @typedef {import('./camera.js').Camera} Camera
 * @typedef {import('./camera.js').Rect} Rect
 */
import { MARGIN } from './camera.js';

/** Text below this scale can't be read: big pictures then start at their top. */
const READABLE_SCALE = 0.78;
/** What is worth it to have all across the flow in sight. */
const ACROSS_SCALE = 0.65;
/** A picture of few cards is seen whole, down to this scale; one that would be smaller is read. */
const FEW = 12;
const LEAST_SCALE = 0.55;
/** A window lower than this, as of a phone held sideways, is read along its length. */
const LOW = 390;
const LOW_SCALE = 0.95;

/** A low page has its bar lie over the picture (narrow.css). */
const LOW_PAGE = '(height < 500px)';
const BAR = 32;

/** Room that is left free at the top, px. @param {boolean} grouped  A bar of its own says how much is shown. */
export function roomAbove(grouped) {
  return MARGIN.top + (grouped ? 36 : 0) + (matchMedia(LOW_PAGE).matches ? BAR : 0);
}

/**
 * How a picture opens that can't be read as a whole: the smallest scale at
 * which it can, what has to be in sight, and what is in the middle.
 * @param {Camera} camera @param {Arrangement} arrangement @param {Rect | null} focus
 */
export function firstLook(camera, arrangement, focus) {
  const { cards, direction, bounds } = arrangement;
  const walked = walkedAcross(arrangement);
  const readable = direction === 'LR' && camera.size.height < LOW ? LOW_SCALE
    : cards.length <= FEW && camera.whole(bounds) >= LEAST_SCALE ? LEAST_SCALE : scaleOfMany(camera, arrangement, walked, focus);
  if (!focus || !walked) return { readable, focus };
  // Along the flow what happens now, across it what backward walks; ghosts stand beside that.
  const [x, y, across] = [focus.x + focus.width / 2, focus.y + focus.height / 2, (walked[0] + walked[1]) / 2];
  return { readable, focus, middle: direction === 'TB' ? { x: across, y } : { x, y: across } };
}

/** From where to where the cards reach, across the flow, that backward walks. @param {Arrangement} arrangement @returns {[number, number] | null} */
function walkedAcross({ cards, direction }) {
  let [from, to] = [Infinity, -Infinity];
  for (const { item, box, x, y } of cards) {
    if (!item.card?.graphs.length) continue;
    const [at, size] = direction === 'TB' ? [x, box.width] : [y, box.height];
    from = Math.min(from, at - size / 2);
    to = Math.max(to, at + size / 2);
  }
  return from < to ? [from, to] : null;
}

/**
 * A little smaller, if that has all across the flow in sight, or what backward
 * walks and what happens now: then one way of panning is enough.
 * @param {Camera} camera @param {Arrangement} arrangement @param {[number, number] | null} walked @param {Rect | null} focus
 */
function scaleOfMany(camera, { bounds, direction }, walked, focus) {
  const down = direction === 'TB';
  const room = camera.room[down ? 0 : 1];
  const extents = [down ? bounds.width : bounds.height];
  if (walked && focus) {
    const [from, part] = down ? [focus.x, focus.width] : [focus.y, focus.height];
    extents.push(Math.max(walked[1], from + part) - Math.min(walked[0], from));
  }
  const scale = extents.map((one) => room / one).find((one) => one >= ACROSS_SCALE);
  return scale === undefined ? READABLE_SCALE : Math.min(READABLE_SCALE, scale);
}

/**
 * What a step is about; one without a card (a line printed) leaves the eye where it was.
 * @param {Arrangement} arrangement @param {number} step
 */
export function happening({ model, scene, cardById }, step) {
  for (let i = Math.min(step, model.steps.length - 1); i >= 0; i--) {
    const [now] = model.steps[i].cards;
    if (now) return cardById.get(scene.itemOf.get(now) ?? now);
  }
  return undefined;
}
