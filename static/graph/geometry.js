/**
 * Curves as lists of points: sampling, shifting aside, lengths, arrow heads.
 * A point list is flat: [x0, y0, x1, y1, ...].
 */

/**
 * Points on a chain of cubic Béziers (start, then three points a piece).
 * @param {ArrayLike<number>} control  Flat.
 * @param {number} [spacing]  About this many px between points.
 * @returns {number[]}
 */
export function sample(control, spacing = 9) {
  if (control.length < 2) return [];
  const out = [control[0], control[1]];
  for (let i = 2; i + 5 < control.length; i += 6) {
    const [x0, y0] = [control[i - 2], control[i - 1]];
    const [x1, y1, x2, y2, x3, y3] = Array.prototype.slice.call(control, i, i + 6);
    const length = Math.hypot(x1 - x0, y1 - y0) + Math.hypot(x2 - x1, y2 - y1) + Math.hypot(x3 - x2, y3 - y2);
    const parts = Math.max(4, Math.min(40, Math.round(length / spacing)));
    for (let k = 1; k <= parts; k++) {
      const t = k / parts;
      const s = 1 - t;
      const [a, b, c, d] = [s * s * s, 3 * s * s * t, 3 * s * t * t, t * t * t];
      out.push(a * x0 + b * x1 + c * x2 + d * x3, a * y0 + b * y1 + c * y2 + d * y3);
    }
  }
  return out;
}

/**
 * The same line moved to its left by `distance` (right where negative).
 * @param {number[]} points @param {number} distance
 */
export function shift(points, distance) {
  const out = new Array(points.length);
  for (let i = 0; i < points.length; i += 2) {
    const before = Math.max(0, i - 2);
    const after = Math.min(points.length - 2, i + 2);
    const dx = points[after] - points[before];
    const dy = points[after + 1] - points[before + 1];
    const length = Math.hypot(dx, dy) || 1;
    out[i] = points[i] + (dy / length) * distance;
    out[i + 1] = points[i + 1] - (dx / length) * distance;
  }
  return out;
}

/** @param {number[]} points */
export function reversed(points) {
  const out = new Array(points.length);
  for (let i = 0; i < points.length; i += 2) {
    out[i] = points[points.length - 2 - i];
    out[i + 1] = points[points.length - 1 - i];
  }
  return out;
}

/** @param {number[]} points */
function lengthOf(points) {
  let length = 0;
  for (let i = 2; i < points.length; i += 2) {
    length += Math.hypot(points[i] - points[i - 2], points[i + 1] - points[i - 1]);
  }
  return length;
}

/**
 * The point at a fraction of the way, and the direction there.
 * @param {number[]} points @param {number} fraction
 * @returns {{x: number, y: number, angle: number}}
 */
export function pointAt(points, fraction) {
  let left = lengthOf(points) * Math.min(1, Math.max(0, fraction));
  for (let i = 2; i < points.length; i += 2) {
    const dx = points[i] - points[i - 2];
    const dy = points[i + 1] - points[i - 1];
    const piece = Math.hypot(dx, dy);
    if (left <= piece || i === points.length - 2) {
      const t = piece === 0 ? 0 : Math.min(1, left / piece);
      return { x: points[i - 2] + dx * t, y: points[i - 1] + dy * t, angle: Math.atan2(dy, dx) };
    }
    left -= piece;
  }
  return { x: points[0] ?? 0, y: points[1] ?? 0, angle: 0 };
}

/**
 * Cut `size` px off the end.
 * @param {number[]} points @param {number} size
 */
export function shorten(points, size) {
  const out = points.slice();
  let left = size;
  while (out.length > 4) {
    const n = out.length;
    const piece = Math.hypot(out[n - 2] - out[n - 4], out[n - 1] - out[n - 3]);
    if (piece > left) break;
    left -= piece;
    out.length = n - 2;
  }
  const n = out.length;
  const piece = Math.hypot(out[n - 2] - out[n - 4], out[n - 1] - out[n - 3]) || 1;
  const t = Math.max(0, 1 - left / piece);
  out[n - 2] = out[n - 4] + (out[n - 2] - out[n - 4]) * t;
  out[n - 1] = out[n - 3] + (out[n - 1] - out[n - 3]) * t;
  return out;
}

/**
 * Corners rounded: every point moves towards its neighbours' middle.
 * @param {number[]} points
 */
export function smooth(points) {
  let now = points;
  for (let pass = 0; pass < 6; pass++) {
    const last = now;
    now = last.map((value, i) =>
      i < 2 || i >= last.length - 2 ? value : (last[i - 2] + 2 * value + last[i + 2]) / 4);
  }
  return now;
}

/**
 * The last `size` px.
 * @param {number[]} points @param {number} size
 */
export function lastPart(points, size) {
  const rest = lengthOf(points) - size;
  return rest <= 0 ? points : reversed(shorten(reversed(points), rest));
}

/**
 * Cut off what lies inside the boxes at both ends, and lead on to a box that
 * an end does not reach: it may have become lower than it was.
 * @param {number[]} points
 * @param {{x: number, y: number, width: number, height: number}} from  Centre and size.
 * @param {{x: number, y: number, width: number, height: number}} to
 */
export function clipEnds(points, from, to) {
  return reversed(meet(reversed(meet(points, from)), to));
}

/** @param {number[]} points @param {{x: number, y: number, width: number, height: number}} box */
function meet(points, box) {
  const [x, y] = points;
  const border = [
    Math.max(box.x - box.width / 2, Math.min(box.x + box.width / 2, x)),
    Math.max(box.y - box.height / 2, Math.min(box.y + box.height / 2, y)),
  ];
  const gap = Math.hypot(border[0] - x, border[1] - y);
  return gap > 1 ? [...border, ...points] : clipStart(points, box);
}

/** @param {number[]} points @param {{x: number, y: number, width: number, height: number}} box */
function clipStart(points, { x, y, width, height }) {
  const inside = (/** @type {number} */ px, /** @type {number} */ py) =>
    Math.abs(px - x) < width / 2 && Math.abs(py - y) < height / 2;
  let i = 0;
  while (i + 4 < points.length && inside(points[i + 2], points[i + 3])) i += 2;
  if (!inside(points[i], points[i + 1])) return points.slice(i);
  // Halve the piece that crosses the border.
  let [ax, ay, bx, by] = points.slice(i, i + 4);
  for (let k = 0; k < 12; k++) {
    const [mx, my] = [(ax + bx) / 2, (ay + by) / 2];
    if (inside(mx, my)) [ax, ay] = [mx, my];
    else [bx, by] = [mx, my];
  }
  return [bx, by, ...points.slice(i + 2)];
}

/**
 * SVG path through the points, smooth (Catmull-Rom as Béziers).
 * @param {number[]} points
 */
export function pathOf(points) {
  if (points.length < 4) return '';
  let d = `M${round(points[0])},${round(points[1])}`;
  if (points.length === 4) return `${d}L${round(points[2])},${round(points[3])}`;
  for (let i = 0; i + 3 < points.length; i += 2) {
    const a = Math.max(0, i - 2);
    const b = i + 2;
    const c = Math.min(points.length - 2, i + 4);
    d += `C${round(points[i] + (points[b] - points[a]) / 6)},${round(points[i + 1] + (points[b + 1] - points[a + 1]) / 6)}` +
      ` ${round(points[b] - (points[c] - points[i]) / 6)},${round(points[b + 1] - (points[c + 1] - points[i + 1]) / 6)}` +
      ` ${round(points[b])},${round(points[b + 1])}`;
  }
  return d;
}

/**
 * A filled arrow head whose tip is the last point.
 * @param {number[]} points @param {number} size
 */
export function headOf(points, size) {
  const n = points.length;
  if (n < 4) return '';
  const back = shorten(points, size);
  const [tipX, tipY] = [points[n - 2], points[n - 1]];
  const [baseX, baseY] = [back[back.length - 2], back[back.length - 1]];
  const angle = Math.atan2(tipY - baseY, tipX - baseX);
  const half = size * 0.48;
  const [sx, sy] = [-Math.sin(angle) * half, Math.cos(angle) * half];
  return `M${round(tipX)},${round(tipY)}L${round(baseX + sx)},${round(baseY + sy)}L${round(baseX - sx)},${round(baseY - sy)}Z`;
}

/** @param {number} n */
export function round(n) {
  return Math.round(n * 10) / 10;
}
