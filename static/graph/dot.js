/**
 * Layout by Graphviz.  The numbers beside edges are boxes to it as well, so
 * they never lie on a card or on each other.  Edges between the same two cards
 * are one line to it, which is then spread into lanes.
 *
 * @typedef {import('./compound.js').Plain} Plain
 * @typedef {import('./layout.js').LayoutAnswer} LayoutAnswer
 */
import { instance } from '../vendor/viz.js';
import { clearance, relaxed, through } from './curves.js';
import { bundle, fanOut, spreadLane } from './lanes.js';
import { pack } from './pack.js';

const INCH = 72;
const RANK_GAP = 17;
/** More room between ranks for each line that meets the busiest card. */
const FAN_GAP = 3;
const MOST_FAN_GAP = 36;
const SIDE_GAP = 34;

/** @type {Promise<any> | null} */
let engine = null;

/**
 * @param {Plain} request
 * @returns {Promise<Omit<LayoutAnswer, 'ticket'>>}
 */
export async function dotLayout(request) {
  engine ??= instance();
  const viz = await engine;
  const bundles = bundle(request.links, request.direction);
  return fromDot(request, bundles, viz.renderJSON(toDot(request, bundles)));
}

/** @param {Plain} request @param {import('./lanes.js').Bundle[]} bundles */
function toDot({ items, direction }, bundles) {
  const index = new Map(items.map((item, i) => [item.id, `c${i}`]));
  const vertical = direction === 'TB';
  const ports = vertical ? { tailport: 's', headport: 'n' } : { tailport: 'e', headport: 'w' };
  /** @type {any[]} */
  const nodes = items.map((item, i) => ({
    name: `c${i}`,
    attributes: { width: item.width / INCH, height: item.height / INCH },
  }));
  /** @type {any[]} */
  const edges = [];
  bundles.forEach((one, b) => {
    const [tail, head] = [index.get(one.source), index.get(one.target)];
    if (!one.labelled) {
      edges.push({ tail, head, attributes: { id: `e${b}`, minlen: 2, ...ports } });
      return;
    }
    const [width, height] = vertical ? [one.across, one.along] : [one.along, one.across];
    nodes.push({ name: `l${b}`, attributes: { shape: 'plain', fixedsize: 'false', label: { html: slot(one, width, height, vertical) } } });
    edges.push({ tail, head: `l${b}`, attributes: { id: `i${b}`, tailport: ports.tailport, headport: vertical ? 'p:n' : 'p:w', weight: 2 } });
    edges.push({ tail: `l${b}`, head, attributes: { id: `o${b}`, tailport: vertical ? 'p:s' : 'p:e', headport: ports.headport, weight: 2 } });
  });
  return {
    directed: true,
    strict: false,
    graphAttributes: { rankdir: direction, nodesep: SIDE_GAP / INCH, ranksep: (rankGap(bundles) * (vertical ? 1 : 1.4)) / INCH, splines: 'true' },
    nodeAttributes: { shape: 'box', fixedsize: 'true', label: '' },
    edgeAttributes: { arrowhead: 'none' },
    nodes,
    edges,
  };
}

/** @param {import('./lanes.js').Bundle[]} bundles */
function rankGap(bundles) {
  /** @type {Map<string, number>} */
  const meeting = new Map();
  for (const { source, target } of bundles) {
    for (const key of [`s${source}`, `t${target}`]) meeting.set(key, (meeting.get(key) ?? 0) + 1);
  }
  const busiest = Math.max(1, ...meeting.values());
  return RANK_GAP + Math.min(MOST_FAN_GAP, (busiest - 1) * FAN_GAP);
}

/**
 * A table of fixed size whose port lies where the line passes.
 * @param {import('./lanes.js').Bundle} one @param {number} width @param {number} height @param {boolean} vertical
 */
function slot(one, width, height, vertical) {
  const before = Math.max(1, Math.round(one.port - 2));
  const after = Math.max(1, Math.round((vertical ? width : height) - one.port - 2));
  const cell = (/** @type {number} */ w, /** @type {number} */ h, port = '') =>
    `<td${port} fixedsize="true" width="${Math.round(w)}" height="${Math.round(h)}"></td>`;
  const port = ' port="p"';
  const rows = vertical
    ? `<tr>${cell(before, height)}${cell(4, height, port)}${cell(after, height)}</tr>`
    : `<tr>${cell(width, before)}</tr><tr>${cell(width, 4, port)}</tr><tr>${cell(width, after)}</tr>`;
  return `<table border="0" cellborder="0" cellpadding="0" cellspacing="0">${rows}</table>`;
}

/**
 * @param {Plain} request @param {import('./lanes.js').Bundle[]} bundles @param {any} drawn
 * @returns {Omit<LayoutAnswer, 'ticket'>}
 */
function fromDot({ items, links, direction }, bundles, drawn) {
  const [, , width, height] = numbers(drawn.bb);
  const centres = new Float64Array(items.length * 2);
  /** @type {Map<string, [number, number]>} */
  const slots = new Map();
  for (const object of drawn.objects ?? []) {
    const [x, y] = numbers(object.pos);
    const i = Number(object.name.slice(1));
    if (object.name[0] === 'c') centres.set([x, height - y], 2 * i);
    else slots.set(object.name, [x, height - y]);
  }
  /** @type {Map<string, number[]>} */
  const ways = new Map();
  for (const edge of drawn.edges ?? []) {
    ways.set(edge.id, numbers(edge.pos).map((n, k) => (k % 2 === 0 ? n : height - n)));
  }
  const labels = new Float64Array(links.length * 2).fill(NaN);
  /** @type {number[][]} */
  const routes = links.map(() => []);
  fanOut(ways, bundles, new Map(items.map((item) => [item.id, item])), direction);
  const free = clearance(items, centres, direction);
  const bases = bundles.map((one, b) => {
    const whole = ways.get(`e${b}`);
    if (whole) return relaxed(whole, direction, free);
    const [into, on] = [ways.get(`i${b}`) ?? [], ways.get(`o${b}`) ?? []];
    const [plainInto, plainOn] = [relaxed(into, direction, free), relaxed(on, direction, free)];
    ways.set(`i${b}`, plainInto);
    // To the right a line runs along its numbers: there it has to be straight.
    const plain = direction === 'TB' && plainInto !== into && plainOn !== on && one.lanes.length === 1;
    return plain ? through(into, on, direction) : joined(plainInto, plainOn);
  });
  bundles.forEach((one, b) => {
    const base = bases[b];
    const middle = slots.get(`l${b}`) ?? null;
    const first = ways.get(`i${b}`)?.length ?? 0;
    for (const lane of one.lanes) {
      routes[lane.index] = spreadLane(base, first, one, lane, direction);
      if (middle && lane.label !== null) {
        const at = direction === 'TB'
          ? [middle[0] - one.across / 2 + lane.label, middle[1]]
          : [middle[0], middle[1] - one.across / 2 + lane.label];
        labels.set(at, 2 * lane.index);
      }
    }
  });
  return { centres, labels, width, height, ...pack(routes) };
}

/** Two chains of Béziers as one, with a straight piece between. @param {number[]} a @param {number[]} b */
function joined(a, b) {
  const [x0, y0] = a.slice(-2);
  const [x1, y1] = b;
  return [...a, x0 + (x1 - x0) / 3, y0 + (y1 - y0) / 3, x0 + ((x1 - x0) * 2) / 3, y0 + ((y1 - y0) * 2) / 3, ...b];
}

/** @param {string} text @returns {number[]} */
function numbers(text) {
  return text.split(/[\s,]+/).map(Number).filter((n) => !Number.isNaN(n));
}
