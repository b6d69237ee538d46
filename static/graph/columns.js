/**
 * Where the ranks of a layered layout stand: below each other, or in columns.
 */

const RANK_GAP = 56;
/** Width to height of a picture in columns, as the pane is. */
const ASPECT = 1.2;
const TRIES = 8;
/** From so many columns on they are worth the jumps between them: a pane takes a tall picture better than a flat one. */
const FEWEST = { TB: 3, LR: 2 };
const COLUMN_GAP = 120;

/**
 * @typedef {{x: Float64Array, y: Float64Array, column: Int32Array, width: number, height: number}} Places
 *   Middles of all nodes; column: of each rank.
 */

/**
 * Ranks below each other; a picture that would be a thin strip is set in
 * columns, read like text.
 * @param {number[]} rank  Of all nodes, boxes first. @param {Float64Array} x
 * @param {Float64Array} depth  Of each rank. @param {number[]} widths  Of the boxes.
 * @param {'TB' | 'LR'} direction  From left to right, width and height are turned.
 * @returns {Places}
 */
export function columns(rank, x, depth, widths, direction) {
  const count = depth.length;
  const left = new Float64Array(count).fill(Infinity);
  const right = new Float64Array(count).fill(-Infinity);
  for (let v = 0; v < widths.length; v++) {
    const r = rank[v];
    left[r] = Math.min(left[r], x[v] - widths[v] / 2);
    right[r] = Math.max(right[r], x[v] + widths[v] / 2);
  }
  const aspect = direction === 'TB' ? ASPECT : 1 / ASPECT;
  const { column, y, start, width, height } = stacked(left, right, depth, columnsFor(left, right, depth, aspect, FEWEST[direction]));
  const [px, py] = [new Float64Array(x.length), new Float64Array(x.length)];
  for (let v = 0; v < x.length; v++) {
    px[v] = x[v] + start[column[rank[v]]];
    py[v] = y[rank[v]];
  }
  return { x: px, y: py, column, width, height };
}

/**
 * How many columns give a picture of the wanted shape.  Ranks wander to the
 * side, so a column is wider than its ranks: the number is found by trying.
 * @param {Float64Array} left @param {Float64Array} right @param {Float64Array} depth
 * @param {number} aspect @param {number} fewest
 */
function columnsFor(left, right, depth, aspect, fewest) {
  let wanted = 1;
  for (let i = 0; i < TRIES; i++) {
    const { width, height } = stacked(left, right, depth, wanted);
    const next = Math.max(1, Math.min(depth.length, Math.round(wanted * Math.sqrt((aspect * height) / Math.max(1, width)))));
    if (next === wanted) break;
    wanted = next;
  }
  return wanted >= fewest ? wanted : 1;
}

/**
 * Ranks in so many columns of about one height.
 * @param {Float64Array} left @param {Float64Array} right  Ends of the ranks. @param {Float64Array} depth @param {number} wanted
 */
function stacked(left, right, depth, wanted) {
  const count = depth.length;
  const whole = depth.reduce((sum, one) => sum + one + RANK_GAP, 0);
  const perColumn = wanted > 1 ? whole / wanted : Infinity;
  const column = new Int32Array(count);
  const y = new Float64Array(count);
  let [at, current, height] = [0, 0, 0];
  for (let r = 0; r < count; r++) {
    if (at > perColumn) {
      current++;
      at = 0;
    }
    column[r] = current;
    y[r] = at + depth[r] / 2;
    at += depth[r] + RANK_GAP;
    height = Math.max(height, at - RANK_GAP);
  }
  const start = new Float64Array(current + 1);
  let [edge, low, high] = [0, Infinity, -Infinity];
  for (let r = 0; r < count; r++) {
    low = Math.min(low, left[r]);
    high = Math.max(high, right[r]);
    if (r + 1 < count && column[r + 1] === column[r]) continue;
    start[column[r]] = edge - low;
    edge += high - low + COLUMN_GAP;
    [low, high] = [Infinity, -Infinity];
  }
  return { column, y, start, width: Math.max(0, edge - COLUMN_GAP), height };
}
