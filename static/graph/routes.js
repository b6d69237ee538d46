/**
 * Ways of links that no layout was asked for: after a toggle the cards stay,
 * and only what is new gets a plain curve.
 *
 * @typedef {{x: number, y: number, width: number, height: number}} Placed  Centre and size.
 */

/**
 * A cubic from one box's lower (right) side to the other's upper (left).
 * @param {Placed} from @param {Placed} to @param {'TB' | 'LR'} direction @param {number} [aside]
 * @returns {number[]}
 */
export function plainRoute(from, to, direction, aside = 0) {
  if (direction === 'LR') {
    const [x0, y0] = [from.x + from.width / 2, from.y + aside];
    const [x1, y1] = [to.x - to.width / 2, to.y + aside];
    const bend = Math.max(24, Math.abs(x1 - x0) / 2);
    return [x0, y0, x0 + bend, y0, x1 - bend, y1, x1, y1];
  }
  const [x0, y0] = [from.x + aside, from.y + from.height / 2];
  const [x1, y1] = [to.x + aside, to.y - to.height / 2];
  const bend = Math.max(24, Math.abs(y1 - y0) / 2);
  return [x0, y0, x0, y0 + bend, x1, y1 - bend, x1, y1];
}

/**
 * The same line with `count` points at equal distances, for tweens.
 * @param {number[]} points @param {number} count
 */
export function resample(points, count) {
  const lengths = [0];
  for (let i = 2; i < points.length; i += 2) {
    lengths.push(lengths[lengths.length - 1] + Math.hypot(points[i] - points[i - 2], points[i + 1] - points[i - 1]));
  }
  const whole = lengths[lengths.length - 1];
  const out = [];
  let piece = 1;
  for (let i = 0; i < count; i++) {
    const want = (whole * i) / (count - 1);
    while (piece < lengths.length - 1 && lengths[piece] < want) piece++;
    const span = lengths[piece] - lengths[piece - 1] || 1;
    const t = Math.min(1, (want - lengths[piece - 1]) / span);
    const k = 2 * piece;
    out.push(points[k - 2] + (points[k] - points[k - 2]) * t, points[k - 1] + (points[k + 1] - points[k - 1]) * t);
  }
  return out;
}
