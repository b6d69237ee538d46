/**
 * What the camera looks at, and how near, when a picture opens or a step is made.
 */
import { MARGIN } from './camera.js';

/** Text below this scale can't be read: big pictures then start at their top. */
const READABLE_SCALE = 0.78;
/** What is worth it to have all across the flow in sight. */
const ACROSS_SCALE = 0.65;
/** A picture of few cards is seen whole, down to this scale. */
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
 * The smallest scale at which a picture may open.
 * @param {import('./camera.js').Camera} camera @param {import('./camera.js').Rect} bounds
 * @param {number} cards  How many there are. @param {'TB' | 'LR'} direction
 */
export function readableScale(camera, bounds, cards, direction) {
  if (direction === 'LR' && camera.size.height < LOW) return LOW_SCALE;
  return cards > FEW ? scaleOfMany(camera, bounds, direction) : LEAST_SCALE;
}

/**
 * A little smaller, if that has all across the flow in sight: then one way of panning is enough.
 * @param {import('./camera.js').Camera} camera @param {import('./camera.js').Rect} bounds @param {'TB' | 'LR'} direction
 */
function scaleOfMany({ size, top }, { width, height }, direction) {
  const whole = direction === 'TB' ? (size.width - MARGIN.left - MARGIN.right) / width : (size.height - top - MARGIN.bottom) / height;
  return whole >= ACROSS_SCALE ? Math.min(READABLE_SCALE, whole) : READABLE_SCALE;
}

/**
 * What a step is about; one without a card (a line printed) leaves the eye where it was.
 * @param {import('./arrange.js').Arrangement} arrangement @param {number} step
 */
export function happening({ model, scene, cardById }, step) {
  for (let i = Math.min(step, model.steps.length - 1); i >= 0; i--) {
    const [now] = model.steps[i].cards;
    if (now) return cardById.get(scene.itemOf.get(now) ?? now);
  }
  return undefined;
}
