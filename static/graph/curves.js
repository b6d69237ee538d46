/**
 * Plain curves where nothing is in the way: Graphviz bends a line more than it
 * needs to when it has to leave a box straight.
 *
 * @typedef {(ax: number, ay: number, bx: number, by: number) => boolean} Clear
 *   Is the rectangle between two points free of cards?
 */

/**
 * @param {{width: number, height: number}[]} items @param {Float64Array} centres
 * @param {'TB' | 'LR'} direction
 * @returns {Clear}
 */
export function clearance(items, centres, direction) {
  return (ax, ay, bx, by) => {
    // The ends touch their own boxes: leave the border out along the flow.
    const [slackX, slackY] = direction === 'TB' ? [-3, 2] : [2, -3];
    const [left, right] = [Math.min(ax, bx) + slackX, Math.max(ax, bx) - slackX];
    const [top, bottom] = [Math.min(ay, by) + slackY, Math.max(ay, by) - slackY];
    return !items.some(({ width, height }, i) => {
      const [x, y] = [centres[2 * i], centres[2 * i + 1]];
      return x - width / 2 < right && x + width / 2 > left && y - height / 2 < bottom && y + height / 2 > top;
    });
  };
}

/**
 * One cubic, straight along the flow at both ends, if it meets no card.
 * @param {number[]} way  Béziers. @param {'TB' | 'LR'} direction @param {Clear} clear
 * @returns {number[]}
 */
export function relaxed(way, direction, clear) {
  if (way.length < 8) return way;
  const [ax, ay] = way;
  const [bx, by] = way.slice(-2);
  if (!clear(ax, ay, bx, by)) return way;
  const half = direction === 'TB' ? (by - ay) / 2 : (bx - ax) / 2;
  return direction === 'TB'
    ? [ax, ay, ax, ay + half, bx, by - half, bx, by]
    : [ax, ay, ax + half, ay, bx - half, by, bx, by];
}

/** At its numbers a line leans no more than this, so that it stays clear of them. */
const LEAN = 0.85;

/**
 * From a box through the middle of a slot to a box, without a corner.
 * @param {number[]} into  Béziers from the source to the slot. @param {number[]} on  From the slot to the target.
 * @param {'TB' | 'LR'} direction
 * @returns {number[]}
 */
export function through(into, on, direction) {
  const turned = direction === 'LR';
  const flip = (/** @type {number[]} */ pair) => (turned ? [pair[1], pair[0]] : pair);
  const [sx, sy] = flip(into.slice(0, 2));
  const [ux, uy] = flip(into.slice(-2));
  const [lx, ly] = flip(on.slice(0, 2));
  const [tx, ty] = flip(on.slice(-2));
  const [mx, my] = [(ux + lx) / 2, (uy + ly) / 2];
  const across = (tx - mx) * (mx - sx) > 0 ? (tx - sx) / (ty - sy || 1) : 0;
  const lean = Math.max(-LEAN, Math.min(LEAN, across));
  const [before, after] = [(my - sy) * 0.48, (ty - my) * 0.48];
  const points = [
    [sx, sy], [sx, sy + before], [mx - before * lean, my - before], [mx, my],
    [mx + after * lean, my + after], [tx, ty - after], [tx, ty],
  ];
  return points.flatMap(flip);
}
