/**
 * Ranks for a layered layout: how far down each box stands.
 */

/**
 * @param {number} n @param {Int32Array} source @param {Int32Array} target
 * @returns {{rank: Int32Array, count: number, flipped: Uint8Array}}
 *   flipped: links that run upwards, where groups made a circle.
 */
export function rankItems(n, source, target) {
  const out = adjacency(n, source);
  const flipped = backLinks(n, source, target, out);
  const rank = longestPaths(n, source, target, flipped, out);
  tighten(n, source, target, flipped, rank);
  settleStarts(n, source, target, flipped, rank);
  let count = 0;
  for (let v = 0; v < n; v++) count = Math.max(count, rank[v] + 1);
  return { rank, count, flipped };
}

/**
 * Links by their start, as offsets into one list.
 * @param {number} n @param {Int32Array} start
 */
function adjacency(n, start) {
  const offsets = new Int32Array(n + 1);
  for (const v of start) offsets[v + 1]++;
  for (let v = 0; v < n; v++) offsets[v + 1] += offsets[v];
  const fill = offsets.slice(0, n);
  const links = new Int32Array(start.length);
  start.forEach((v, e) => { links[fill[v]++] = e; });
  return { offsets, links };
}

/** @typedef {ReturnType<typeof adjacency>} Adjacency */

/**
 * Links that close a circle, found by a depth-first walk with its own stack.
 * @param {number} n @param {Int32Array} source @param {Int32Array} target @param {Adjacency} out
 */
function backLinks(n, source, target, out) {
  const flipped = new Uint8Array(source.length);
  const state = new Uint8Array(n);
  const next = out.offsets.slice(0, n);
  const stack = new Int32Array(n);
  for (let root = 0; root < n; root++) {
    if (state[root]) continue;
    let top = 0;
    stack[0] = root;
    state[root] = 1;
    while (top >= 0) {
      const v = stack[top];
      if (next[v] >= out.offsets[v + 1]) {
        state[v] = 2;
        top--;
        continue;
      }
      const e = out.links[next[v]++];
      const w = target[e];
      if (state[w] === 1) flipped[e] = 1;
      else if (state[w] === 0) {
        state[w] = 1;
        stack[++top] = w;
      }
    }
  }
  return flipped;
}

/**
 * @param {number} n @param {Int32Array} source @param {Int32Array} target
 * @param {Uint8Array} flipped @param {Adjacency} out
 */
function longestPaths(n, source, target, flipped, out) {
  const rank = new Int32Array(n);
  const missing = new Int32Array(n);
  const into = adjacency(n, target);
  for (let e = 0; e < source.length; e++) missing[flipped[e] ? source[e] : target[e]]++;
  const queue = new Int32Array(n);
  let [head, tail] = [0, 0];
  for (let v = 0; v < n; v++) if (missing[v] === 0) queue[tail++] = v;
  const visit = (/** @type {number} */ v, /** @type {number} */ w) => {
    rank[w] = Math.max(rank[w], rank[v] + 1);
    if (--missing[w] === 0) queue[tail++] = w;
  };
  while (head < tail) {
    const v = queue[head++];
    for (let k = out.offsets[v]; k < out.offsets[v + 1]; k++) {
      const e = out.links[k];
      if (!flipped[e]) visit(v, target[e]);
    }
    for (let k = into.offsets[v]; k < into.offsets[v + 1]; k++) {
      const e = into.links[k];
      if (flipped[e]) visit(v, source[e]);
    }
  }
  return rank;
}

/**
 * Longest paths lift everything as high as it goes.  What pulls harder down
 * than up sinks to its first reader: readers of leaves only, above all.
 * @param {number} n @param {Int32Array} source @param {Int32Array} target
 * @param {Uint8Array} flipped @param {Int32Array} rank
 */
function tighten(n, source, target, flipped, rank) {
  const up = new Int32Array(n);
  const readers = adjacency(n, source.map((v, e) => (flipped[e] ? target[e] : v)));
  const down = (/** @type {number} */ e) => (flipped[e] ? source[e] : target[e]);
  for (let v = 0; v < n; v++) {
    if (rank[v] === 0) continue;
    for (let k = readers.offsets[v]; k < readers.offsets[v + 1]; k++) up[down(readers.links[k])]++;
  }
  const order = Int32Array.from({ length: n }, (_, v) => v).sort((a, b) => rank[b] - rank[a]);
  for (const v of order) {
    const count = readers.offsets[v + 1] - readers.offsets[v];
    if (rank[v] === 0 || count === 0 || up[v] >= count) continue;
    let first = 2 ** 30;
    for (let k = readers.offsets[v]; k < readers.offsets[v + 1]; k++) first = Math.min(first, rank[down(readers.links[k])]);
    rank[v] = Math.max(rank[v], first - 1);
  }
}

/**
 * What nothing leads to (leaves, constants) stands right above its first reader.
 * @param {number} n @param {Int32Array} source @param {Int32Array} target
 * @param {Uint8Array} flipped @param {Int32Array} rank
 */
function settleStarts(n, source, target, flipped, rank) {
  const first = new Int32Array(n).fill(2 ** 30);
  const start = new Uint8Array(n).fill(1);
  for (let e = 0; e < source.length; e++) {
    const [a, b] = flipped[e] ? [target[e], source[e]] : [source[e], target[e]];
    first[a] = Math.min(first[a], rank[b]);
    start[b] = 0;
  }
  for (let v = 0; v < n; v++) if (start[v] && first[v] < 2 ** 30) rank[v] = first[v] - 1;
}
