/**
 * Layout with groups: an open group is laid out alone, then stands in the
 * layout around it as one box.  Each layout is kept, so opening one group does
 * not cost the others again.
 *
 * @typedef {import('./layout.js').LayoutRequest} LayoutRequest
 * @typedef {import('./layout.js').LayoutAnswer} LayoutAnswer
 * @typedef {Omit<LayoutAnswer, 'ticket'>} Answer
 *
 * @typedef {object} Plain  What one layout sees: boxes and links, no groups.
 * @property {{id: string, width: number, height: number}[]} items
 * @property {LayoutRequest['links']} links
 * @property {'TB' | 'LR'} direction
 *
 * @typedef {object} Inner  One laid out group.
 * @property {{id: string, width: number, height: number}[]} members
 * @property {Answer} layout
 * @property {LayoutRequest['links']} links
 */
import { dotLayout } from './dot.js';
import { layeredLayout } from './layered.js';
import { pack } from './pack.js';

/** Above these Graphviz takes too long. */
const DOT_ITEMS = 500;
const DOT_LINKS = 450;
const PAD = 20;
const HEAD = 26;
const CACHE = 60;

/** @type {Map<string, Answer>} */
const cache = new Map();

/** @param {Plain} plain @returns {Promise<Answer>} */
async function plainLayout(plain) {
  const key = JSON.stringify(plain);
  const known = cache.get(key);
  if (known) return known;
  const small = plain.items.length <= DOT_ITEMS && plain.links.length <= DOT_LINKS;
  const made = small ? await dotLayout(plain).catch(() => layeredLayout(plain)) : layeredLayout(plain);
  if (cache.size >= CACHE) cache.clear();
  if (key.length < 200_000) cache.set(key, made);
  return made;
}

/** @param {LayoutRequest} request @returns {Promise<Answer>} */
export async function compoundLayout(request) {
  if (request.groups.length === 0) return plainLayout({ items: request.items, links: request.links, direction: request.direction });
  const tree = treeOf(request);
  const homes = request.links.map((link) => tree.home(link.source, link.target));
  /** @type {Map<string, Inner>} */
  const inner = new Map();
  /** @type {Map<string, {width: number, height: number}>} */
  const sizes = new Map(request.items.map(({ id, width, height }) => [id, { width, height }]));
  for (const container of [...request.groups.map((group) => group.id).reverse(), '']) {
    const members = (tree.children.get(container) ?? []).map((id) => ({ id, ...(sizes.get(id) ?? { width: 10, height: 10 }) }));
    const links = linksIn(request, homes, container);
    const layout = await plainLayout({ items: members, links, direction: request.direction });
    inner.set(container, { members, layout, links });
    const heading = request.groups.find((group) => group.id === container)?.width ?? 0;
    sizes.set(container, {
      width: Math.max(layout.width ?? 0, heading) + 2 * PAD,
      height: (layout.height ?? 0) + 2 * PAD + HEAD,
    });
  }
  return assemble(request, inner, homes, sizes);
}

/** @param {LayoutRequest} request */
function treeOf({ items, groups }) {
  /** @type {Map<string, string>} */
  const parent = new Map();
  /** @type {Map<string, string[]>} */
  const children = new Map();
  for (const one of [...groups, ...items]) {
    const home = one.parent ?? '';
    parent.set(one.id, home);
    const list = children.get(home);
    if (list) list.push(one.id);
    else children.set(home, [one.id]);
  }
  /** From the thing itself out to, but without, the whole. @param {string} id */
  const chain = (id) => {
    const out = [id];
    for (let at = parent.get(id) ?? ''; at; at = parent.get(at) ?? '') out.push(at);
    return out;
  };
  /**
   * The innermost container of both, and their ancestors right inside it.
   * @param {string} a @param {string} b
   * @returns {{container: string, source: string, target: string}}
   */
  const home = (a, b) => {
    const [up, other] = [chain(a), chain(b)];
    let i = up.length - 1;
    let j = other.length - 1;
    while (i > 0 && j > 0 && up[i] === other[j]) {
      i--;
      j--;
    }
    return { container: parent.get(up[i]) ?? '', source: up[i], target: other[j] };
  };
  return { children, home };
}

/**
 * The links of one container: each pair of its members that are not the ends
 * themselves is linked once.
 * @param {LayoutRequest} request @param {{container: string, source: string, target: string}[]} homes @param {string} container
 */
function linksIn(request, homes, container) {
  /** @type {LayoutRequest['links']} */
  const links = [];
  const seen = new Set();
  request.links.forEach((link, i) => {
    const { container: where, source, target } = homes[i];
    if (where !== container) return;
    const direct = source === link.source && target === link.target;
    const id = direct ? link.id : `${source}>${target}`;
    if (seen.has(id)) return;
    seen.add(id);
    links.push({ id, source, target, label: direct ? link.label : null });
  });
  return links;
}

/**
 * @param {LayoutRequest} request @param {Map<string, Inner>} inner
 * @param {{container: string, source: string, target: string}[]} homes
 * @param {Map<string, {width: number, height: number}>} sizes
 * @returns {Answer}
 */
function assemble(request, inner, homes, sizes) {
  /** @type {Map<string, [number, number]>} Centres. */
  const centre = new Map();
  /** @type {Map<string, {route: number[], label: [number, number] | null}>} */
  const ways = new Map();
  for (const container of ['', ...request.groups.map((group) => group.id)]) {
    const { members, layout, links } = /** @type {Inner} */ (inner.get(container));
    const [ox, oy] = container ? inside(container) : [0, 0];
    members.forEach(({ id }, i) => {
      const c = /** @type {Float64Array} */ (layout.centres);
      centre.set(id, [c[2 * i] + ox, c[2 * i + 1] + oy]);
    });
    links.forEach((link, i) => {
      const [control, offsets, labels] = [/** @type {Float64Array} */ (layout.control), /** @type {Int32Array} */ (layout.offsets), /** @type {Float64Array} */ (layout.labels)];
      const route = Array.from(control.subarray(offsets[i], offsets[i + 1]), (v, k) => v + (k % 2 === 0 ? ox : oy));
      /** @type {[number, number] | null} */
      const label = Number.isFinite(labels[2 * i]) ? [labels[2 * i] + ox, labels[2 * i + 1] + oy] : null;
      ways.set(`${container}|${link.id}`, { route, label });
    });
  }
  /** @param {string} group @returns {[number, number]} */
  function inside(group) {
    const [x, y] = centre.get(group) ?? [0, 0];
    const own = /** @type {Inner} */ (inner.get(group)).layout.width ?? 0;
    return [x - own / 2, y - (sizes.get(group)?.height ?? 0) / 2 + PAD + HEAD];
  }
  const itemSize = new Map(request.items.map((item) => [item.id, item]));
  const labels = new Float64Array(request.links.length * 2).fill(NaN);
  const routes = request.links.map((link, i) => {
    const { container, source, target } = homes[i];
    const direct = source === link.source && target === link.target;
    const way = ways.get(`${container}|${direct ? link.id : `${source}>${target}`}`);
    if (!way) return [];
    if (way.label && direct) labels.set(way.label, 2 * i);
    if (direct) return way.route;
    const from = side(link.source, centre, itemSize, request.direction, 1);
    const to = side(link.target, centre, itemSize, request.direction, -1);
    const start = source === link.source ? [] : bridge(from, way.route.slice(0, 2), request.direction).slice(0, -2);
    const end = target === link.target ? [] : bridge(way.route.slice(-2), to, request.direction).slice(2);
    return [...start, ...way.route, ...end];
  });
  const centres = new Float64Array(request.items.flatMap((item) => centre.get(item.id) ?? [0, 0]));
  const boxes = new Float64Array(request.groups.flatMap((group) => {
    const { width, height } = sizes.get(group.id) ?? { width: 0, height: 0 };
    return [...(centre.get(group.id) ?? [0, 0]), width, height];
  }));
  const whole = /** @type {Inner} */ (inner.get('')).layout;
  return { centres, labels, boxes, width: whole.width, height: whole.height, ...pack(routes) };
}

/**
 * The middle of a box's lower (1) or upper (-1) side along the flow.
 * @param {string} id @param {Map<string, [number, number]>} centre
 * @param {Map<string, {width: number, height: number}>} sizes @param {'TB' | 'LR'} direction @param {number} sign
 */
function side(id, centre, sizes, direction, sign) {
  const [x, y] = centre.get(id) ?? [0, 0];
  const { width, height } = sizes.get(id) ?? { width: 0, height: 0 };
  return direction === 'TB' ? [x, y + (sign * height) / 2] : [x + (sign * width) / 2, y];
}

/** A cubic between two points, straight along the flow at both. @param {number[]} a @param {number[]} b @param {'TB' | 'LR'} direction */
function bridge([ax, ay], [bx, by], direction) {
  return direction === 'TB'
    ? [ax, ay, ax, (ay + by) / 2, bx, (ay + by) / 2, bx, by]
    : [ax, ay, (ax + bx) / 2, ay, (ax + bx) / 2, by, bx, by];
}
