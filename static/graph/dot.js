/**
 * Layout by Graphviz.  Labels are boxes of fixed size to it, so they never lie
 * on a card or on each other.
 *
 * @typedef {import('./layout.js').LayoutRequest} LayoutRequest
 * @typedef {import('./layout.js').LayoutAnswer} LayoutAnswer
 */
import { instance } from '../vendor/viz.js';

const INCH = 72;

/** @type {Promise<any> | null} */
let engine = null;

/**
 * @param {LayoutRequest} request
 * @returns {Promise<Omit<LayoutAnswer, 'ticket'>>}
 */
export async function dotLayout(request) {
  engine ??= instance();
  const viz = await engine;
  const drawn = viz.renderJSON(toDot(request));
  return fromDot(request, drawn);
}

/** @param {LayoutRequest} request */
function toDot({ items, links, direction }) {
  return {
    directed: true,
    strict: false,
    graphAttributes: { rankdir: direction, nodesep: 0.45, ranksep: direction === 'TB' ? 0.34 : 0.42, splines: 'true' },
    nodeAttributes: { shape: 'box', fixedsize: 'true', label: '' },
    edgeAttributes: { arrowhead: 'none' },
    nodes: items.map((item, i) => ({
      name: String(i),
      attributes: { width: item.width / INCH, height: item.height / INCH },
    })),
    edges: edgesOf(items, links),
  };
}

/** @param {LayoutRequest['items']} items @param {LayoutRequest['links']} links */
function edgesOf(items, links) {
  const index = new Map(items.map((item, i) => [item.id, String(i)]));
  return links.map((link, i) => ({
    tail: index.get(link.source),
    head: index.get(link.target),
    attributes: {
      id: String(i),
      ...(link.label ? { label: { html: sized(link.label) } } : {}),
    },
  }));
}

/** @param {[number, number]} size */
function sized([width, height]) {
  return `<table border="0" cellborder="0" cellpadding="0" cellspacing="0" fixedsize="true" width="${Math.ceil(width)}" height="${Math.ceil(height)}"><tr><td></td></tr></table>`;
}

/** @param {LayoutRequest} request @param {any} drawn @returns {Omit<LayoutAnswer, 'ticket'>} */
function fromDot({ items, links }, drawn) {
  const [, , width, height] = numbers(drawn.bb);
  const centres = new Float64Array(items.length * 2);
  for (const object of drawn.objects ?? []) {
    const i = Number(object.name);
    const [x, y] = numbers(object.pos);
    centres[2 * i] = x;
    centres[2 * i + 1] = height - y;
  }
  const labels = new Float64Array(links.length * 2).fill(NaN);
  /** @type {number[][]} */
  const routes = links.map(() => []);
  for (const edge of drawn.edges ?? []) {
    const i = Number(edge.id);
    routes[i] = numbers(edge.pos).map((n, k) => (k % 2 === 0 ? n : height - n));
    if (edge.lp) {
      const [x, y] = numbers(edge.lp);
      labels[2 * i] = x;
      labels[2 * i + 1] = height - y;
    }
  }
  return { centres, labels, width, height, ...pack(routes) };
}

/** @param {string} text @returns {number[]} */
function numbers(text) {
  return text.split(/[\s,]+/).map(Number).filter((n) => !Number.isNaN(n));
}

/**
 * Routes one after the other in one array.
 * @param {number[][]} routes
 */
export function pack(routes) {
  const offsets = new Int32Array(routes.length + 1);
  routes.forEach((route, i) => {
    offsets[i + 1] = offsets[i] + route.length;
  });
  const control = new Float64Array(offsets[routes.length]);
  routes.forEach((route, i) => control.set(route, offsets[i]));
  return { control, offsets };
}
