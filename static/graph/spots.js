/**
 * Where a card's buttons go: beside it, under it or above it, in sight, on no
 * other card, and on as few lines and numbers as can be.
 *
 * @typedef {import('./cards.js').Drawn} Drawn
 * @typedef {import('./links.js').DrawnLink} DrawnLink
 * @typedef {import('./viewport.js').Area} Area
 * @typedef {{left: number, top: number, right: number, bottom: number}} Box
 */
import { labelSize } from './links.js';

/** Height of a button, between two of them, and from the card. */
export const BUTTON = 24;
const GAP = 5;
const OFF = 8;
/** What it costs to lie on numbers, in points of a line. */
const NUMBERS = 8;

/**
 * The boxes of the buttons.
 * @param {Drawn} drawn @param {number[]} widths @param {Drawn[]} cards @param {DrawnLink[]} links @param {Area} sight
 * @returns {Box[]}
 */
export function spotsFor(drawn, widths, cards, links, sight) {
  const choices = choicesFor(drawn, widths).map((spots) => spots.map(([left, top], i) => ({ left, top, right: left + widths[i], bottom: top + BUTTON })));
  const others = cards.filter((one) => one !== drawn).map(({ x, y, box }) => around(x, y, box.width, box.height));
  let best = { cost: Infinity, boxes: choices[2] };
  for (const boxes of choices) {
    if (!boxes.every((one) => isInSight(one, sight)) || boxes.some((one) => others.some((other) => meet(one, other)))) continue;
    const cost = boxes.reduce((sum, one) => sum + hidden(one, links), 0);
    if (cost < best.cost) best = { cost, boxes };
  }
  return best.boxes;
}

/** @param {Box} box @param {Area} sight */
export function isInSight(box, sight) {
  return box.left > sight.left && box.right < sight.right && box.top > sight.top && box.bottom < sight.bottom;
}

/** The first that is as good as any is taken. @param {Drawn} drawn @param {number[]} widths @returns {[number, number][][]} */
function choicesFor({ x, y, box }, widths) {
  const [left, right] = [x - box.width / 2, x + box.width / 2];
  const widest = Math.max(...widths);
  const tall = widths.length * (BUTTON + GAP) - GAP;
  const wide = widths.reduce((sum, one) => sum + one + GAP, -GAP);
  /** One under another, their left sides or right sides in line. @param {number} at @param {number} top @param {boolean} [ends] @returns {[number, number][]} */
  const column = (at, top, ends = false) => widths.map((width, i) => [ends ? at - width : at, top + i * (BUTTON + GAP)]);
  /** @param {number} from @param {number} top @returns {[number, number][]} */
  const row = (from, top) => widths.map((_, i) => [from + widths.slice(0, i).reduce((sum, one) => sum + one + GAP, 0), top]);
  const under = y + box.height / 2 + OFF;
  const above = y - box.height / 2 - OFF;
  return [
    column(right + OFF, y - tall / 2),
    column(left - OFF, y - tall / 2, true),
    row(left, under), row(right - wide, under), row(left, above - BUTTON), row(right - wide, above - BUTTON),
    column(left, under), column(right - widest, under), column(left, above - tall), column(right - widest, above - tall),
  ];
}

/** How much of the lines and their numbers lies under a box. @param {Box} box @param {DrawnLink[]} links */
function hidden(box, links) {
  let cost = 0;
  for (const { points, label, link } of links) {
    for (let i = 0; i < points.length; i += 2) {
      if (points[i] > box.left - GAP && points[i] < box.right + GAP && points[i + 1] > box.top && points[i + 1] < box.bottom) cost++;
    }
    const size = label && labelSize(link);
    if (label && size && meet(box, around(label[0], label[1], size[0], size[1]))) cost += NUMBERS;
  }
  return cost;
}

/** @param {number} x @param {number} y @param {number} width @param {number} height @returns {Box} */
function around(x, y, width, height) {
  return { left: x - width / 2, top: y - height / 2, right: x + width / 2, bottom: y + height / 2 };
}

/** @param {Box} a @param {Box} b */
function meet(a, b) {
  return a.left < b.right && a.right > b.left && a.top < b.bottom && a.bottom > b.top;
}
