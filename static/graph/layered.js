/**
 * A layered layout on typed arrays, for graphs that are too big for Graphviz:
 * ranks by longest path, order by barycentres, positions by least squares
 * under the constraint that neighbours keep their distance.
 * After Sugiyama, Tagawa, Toda (1981); the positions are isotonic regressions
 * (pool adjacent violators).
 *
 * @typedef {import('./compound.js').Plain} Plain
 * @typedef {import('./layout.js').LayoutAnswer} LayoutAnswer
 * @typedef {import('./columns.js').Places} Places
 */
import { columns } from './columns.js';
import { pack } from './pack.js';
import { rankItems } from './ranks.js';

const GAP = 36;
const DUMMY = 10;
/** Longer edges get no places of their own between the ranks they cross. */
const LONGEST = 14;
const SWEEPS = 6;
const PASSES = 8;

/**
 * @param {Plain} request
 * @returns {Omit<LayoutAnswer, 'ticket'>}
 */
export function layeredLayout({ items, links, direction }) {
  const across = direction === 'TB' ? 'width' : 'height';
  const along = direction === 'TB' ? 'height' : 'width';
  const index = new Map(items.map((item, i) => [item.id, i]));
  const source = Int32Array.from(links, (link) => index.get(link.source) ?? 0);
  const target = Int32Array.from(links, (link) => index.get(link.target) ?? 0);
  const { rank, count, flipped } = rankItems(items.length, source, target);

  const graph = withDummies(items.map((item) => item[across]), rank, source, target, flipped);
  const layers = layersOf(graph, count);
  order(graph, layers);
  const x = place(graph, layers);

  const depth = new Float64Array(count);
  items.forEach((item, i) => { depth[rank[i]] = Math.max(depth[rank[i]], item[along]); });
  const places = columns(graph.rank, x, depth, items.map((item) => item[across]), direction);
  return answer({ items, links, direction, graph, places, source, target, flipped });
}

/**
 * @typedef {object} Layered
 * @property {number} n  Real nodes come first, dummies after them.
 * @property {number[]} width
 * @property {number[]} rank
 * @property {number[][]} up  Neighbours in the rank above.
 * @property {number[][]} down
 * @property {number[][]} chains  For each link, the dummies on its way, from above to below.
 */

/**
 * @param {number[]} widths @param {Int32Array} rank
 * @param {Int32Array} source @param {Int32Array} target @param {Uint8Array} flipped
 * @returns {Layered}
 */
function withDummies(widths, rank, source, target, flipped) {
  const width = widths.slice();
  const ranks = Array.from(rank);
  /** @type {number[][]} */
  const up = widths.map(() => []);
  /** @type {number[][]} */
  const down = widths.map(() => []);
  const chains = [];
  for (let e = 0; e < source.length; e++) {
    const [a, b] = flipped[e] ? [target[e], source[e]] : [source[e], target[e]];
    const chain = [];
    const span = rank[b] - rank[a];
    if (span >= 1 && span <= LONGEST) {
      let last = a;
      for (let r = rank[a] + 1; r < rank[b]; r++) {
        const dummy = width.push(DUMMY) - 1;
        ranks.push(r);
        up.push([last]);
        down.push([]);
        down[last].push(dummy);
        chain.push(dummy);
        last = dummy;
      }
      down[last].push(b);
      up[b].push(last);
    }
    chains.push(chain);
  }
  return { n: widths.length, width, rank: ranks, up, down, chains };
}

/** @param {Layered} graph @param {number} count @returns {number[][]} */
function layersOf(graph, count) {
  /** @type {number[][]} */
  const layers = Array.from({ length: count }, () => []);
  graph.rank.forEach((r, i) => layers[r].push(i));
  return layers;
}

/** Fewer crossings: sort every layer by the mean place of its neighbours, down and up. @param {Layered} graph @param {number[][]} layers */
function order(graph, layers) {
  const place = new Float64Array(graph.rank.length);
  const settle = (/** @type {number[]} */ layer) => layer.forEach((v, i) => { place[v] = i / layer.length; });
  layers.forEach(settle);
  const weight = new Float64Array(graph.rank.length);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const downwards = sweep % 2 === 0;
    const neighbours = downwards ? graph.up : graph.down;
    const sequence = downwards ? layers : layers.slice().reverse();
    for (const layer of sequence) {
      if (layer.length < 2) continue;
      for (const v of layer) {
        const list = neighbours[v];
        let total = 0;
        for (const u of list) total += place[u];
        weight[v] = list.length ? total / list.length : place[v];
      }
      layer.sort((a, b) => weight[a] - weight[b]);
      settle(layer);
    }
  }
}

/** @param {Layered} graph @param {number[][]} layers @returns {Float64Array} Middles. */
function place(graph, layers) {
  const x = new Float64Array(graph.rank.length);
  for (const layer of layers) {
    let at = 0;
    for (const v of layer) {
      x[v] = at + graph.width[v] / 2;
      at += graph.width[v] + GAP;
    }
    const half = (at - GAP) / 2;
    for (const v of layer) x[v] -= half;
  }
  for (let pass = 0; pass < PASSES; pass++) {
    const downwards = pass % 2 === 0;
    const sequence = downwards ? layers : layers.slice().reverse();
    for (const layer of sequence) {
      const wish = layer.map((v) => wishOf(graph, x, v, downwards, pass >= PASSES - 2));
      spread(graph, layer, wish, x);
    }
  }
  return x;
}

/** @param {Layered} graph @param {Float64Array} x @param {number} v @param {boolean} downwards @param {boolean} both */
function wishOf(graph, x, v, downwards, both) {
  const main = downwards ? graph.up[v] : graph.down[v];
  const all = both ? [...graph.up[v], ...graph.down[v]] : main;
  // Leaves at its side don't pull a chain askew.
  const inner = all.filter((u) => graph.up[u].length > 0);
  const list = inner.length > 0 ? inner : all;
  if (list.length === 0) return x[v];
  let total = 0;
  for (const u of list) total += x[u];
  return total / list.length;
}

/**
 * The places nearest to the wishes (least squares) that keep order and gaps.
 * @param {Layered} graph @param {number[]} layer @param {number[]} wish @param {Float64Array} x
 */
function spread(graph, layer, wish, x) {
  /** @type {{total: number, weight: number, from: number}[]} */
  const blocks = [];
  const offsets = new Float64Array(layer.length);
  for (let i = 0; i < layer.length; i++) {
    if (i > 0) {
      const [a, b] = [layer[i - 1], layer[i]];
      const gap = a >= graph.n || b >= graph.n ? GAP / 2 : GAP;
      offsets[i] = offsets[i - 1] + graph.width[a] / 2 + gap + graph.width[b] / 2;
    }
    // Leaves make way for what they hang on.
    const weight = graph.up[layer[i]].length > 0 ? 1 : 0.01;
    let block = { total: (wish[i] - offsets[i]) * weight, weight, from: i };
    while (blocks.length > 0) {
      const before = blocks[blocks.length - 1];
      if (before.total / before.weight < block.total / block.weight) break;
      blocks.pop();
      block = { total: before.total + block.total, weight: before.weight + block.weight, from: before.from };
    }
    blocks.push(block);
  }
  blocks.forEach((block, k) => {
    const to = blocks[k + 1]?.from ?? layer.length;
    for (let i = block.from; i < to; i++) x[layer[i]] = block.total / block.weight + offsets[i];
  });
}

/**
 * @param {Plain & {graph: Layered, places: Places, source: Int32Array, target: Int32Array, flipped: Uint8Array}} made
 * @returns {Omit<LayoutAnswer, 'ticket'>}
 */
function answer({ items, links, direction, graph, places, source, target, flipped }) {
  const across = direction === 'TB' ? 'width' : 'height';
  const along = direction === 'TB' ? 'height' : 'width';
  const { x, y, column } = places;
  /** @param {number} a @param {number} b @returns {[number, number]} */
  const turn = (a, b) => (direction === 'TB' ? [a, b] : [b, a]);
  const centres = new Float64Array(items.length * 2);
  for (let v = 0; v < items.length; v++) centres.set(turn(x[v], y[v]), 2 * v);

  const fan = fans(links, source, target, x, items, across);
  const routes = links.map((_, e) => {
    const [a, b] = flipped[e] ? [target[e], source[e]] : [source[e], target[e]];
    const stops = [[x[a] + fan.out[e], y[a] + items[a][along] / 2]];
    const between = column[graph.rank[a]] === column[graph.rank[b]] ? graph.chains[e] : [];
    for (const dummy of between) stops.push([x[dummy], y[dummy]]);
    stops.push([x[b] + fan.in[e], y[b] - items[b][along] / 2]);
    const down = flipped[e] ? stops.reverse() : stops;
    return curve(down).flatMap(([p, q]) => turn(p, q));
  });
  const labels = new Float64Array(links.length * 2).fill(NaN);
  const [width, height] = turn(places.width, places.height);
  return { centres, labels, width, height, ...pack(routes) };
}

/**
 * Where along a box's side each line starts and ends, so that lines of the
 * same two boxes lie apart.
 * @param {Plain['links']} links @param {Int32Array} source @param {Int32Array} target
 * @param {Float64Array} x @param {Plain['items']} items @param {'width' | 'height'} across
 */
function fans(links, source, target, x, items, across) {
  const spreadOf = (/** @type {Int32Array} */ own, /** @type {Int32Array} */ other) => {
    const offsets = new Float64Array(links.length);
    /** @type {Map<number, number[]>} */
    const at = new Map();
    for (let e = 0; e < links.length; e++) {
      const list = at.get(own[e]);
      if (list) list.push(e);
      else at.set(own[e], [e]);
    }
    for (const [v, list] of at) {
      list.sort((a, b) => x[other[a]] - x[other[b]] || a - b);
      const room = Math.min(24, (items[v][across] * 0.7) / list.length);
      list.forEach((e, i) => { offsets[e] = (i - (list.length - 1) / 2) * room; });
    }
    return offsets;
  };
  return { out: spreadOf(source, target), in: spreadOf(target, source) };
}

/** A smooth way through the stops, upright at each. @param {number[][]} stops @returns {number[][]} */
function curve(stops) {
  const out = [stops[0]];
  for (let i = 1; i < stops.length; i++) {
    const [ax, ay] = stops[i - 1];
    const [bx, by] = stops[i];
    const middle = (ay + by) / 2;
    out.push([ax, middle], [bx, middle], [bx, by]);
  }
  return out;
}
