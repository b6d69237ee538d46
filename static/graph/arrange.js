/**
 * Where everything stands: from the worker's layout, or, when nearly the same
 * things are drawn again, where it stood before.
 *
 * @typedef {import('../model/scene.js').Scene} Scene
 * @typedef {import('../model/types.js').Model} Model
 * @typedef {import('./cards.js').Drawn} Drawn
 * @typedef {import('./links.js').DrawnLink} DrawnLink
 * @typedef {import('./types.js').Direction} Direction
 * @typedef {import('./layout.js').LayoutClient} LayoutClient
 *
 * @typedef {object} DrawnGroup
 * @property {import('../model/groups.js').Group} group
 * @property {number} x  Centre.
 * @property {number} y
 * @property {number} width
 * @property {number} height
 *
 * @typedef {object} Arrangement
 * @property {Scene} scene
 * @property {Model} model
 * @property {Direction} direction
 * @property {Drawn[]} cards
 * @property {DrawnLink[]} links
 * @property {DrawnGroup[]} groups  Open ones, outer before inner.
 * @property {Map<string, Drawn>} cardById  By item id.
 * @property {Map<string, DrawnLink>} linkById
 * @property {{x: number, y: number, width: number, height: number}} bounds
 * @property {number} largest  Largest gradient norm, for widths.
 */
import { toNumber } from '../model/numbers.js';
import { needsFoot } from './cards.js';
import { clipEnds, sample, smooth } from './geometry.js';
import { labelSize } from './links.js';
import { headingWidth, measure } from './measure.js';
import { plainRoute } from './routes.js';

/** With more links than this, numbers stand beside an edge only on demand. */
const LABELS_UP_TO = 220;

/**
 * @param {LayoutClient} client @param {Model} model @param {Scene} scene
 * @param {Direction} direction @param {Arrangement | null} before
 * @param {import('../model/types.js').Comparison | null} compare
 * @returns {Promise<Arrangement | null>} null: a newer one is on its way.
 */
export async function arrange(client, model, scene, direction, before, compare) {
  const boxes = scene.items.map((item) =>
    measure(item, model, item.card !== null && needsFoot(item.card, model, compare?.byAfter.get(item.id))));
  const largest = largestNorm(model);
  if (before && before.direction === direction) {
    const kept = keep(model, scene, boxes, before, largest);
    if (kept) return kept;
  }
  const labelled = scene.links.length <= LABELS_UP_TO;
  const layout = await client.layout({
    items: scene.items.map((item, i) => ({ id: item.id, parent: item.parent, width: boxes[i].width, height: boxes[i].height })),
    groups: scene.groups.map(({ id, parent, title }) => ({ id, parent, width: headingWidth(title) })),
    links: scene.links.map((link) => ({
      id: link.id, source: link.source, target: link.target, label: labelled ? labelSize(link) : null,
    })),
    direction,
  });
  if (!layout) return null;
  const cards = scene.items.map((item, i) => {
    const { x, y } = layout.positions.get(item.id) ?? { x: 0, y: 0 };
    return { item, box: boxes[i], x, y };
  });
  const home = new Map(scene.items.map((item) => [item.id, item.parent]));
  const links = scene.links.map((link) => {
    const route = layout.routes.get(link.id);
    const control = route?.control ?? [];
    // Where a route is put together of pieces it has corners.
    const pieced = home.get(link.source) !== home.get(link.target) || labelled;
    return drawnLink(link, control, route?.label ?? null, pieced ? smooth(sample(control)) : null);
  });
  markStubs(links, new Map(scene.items.map((item) => [item.id, item.card?.title ?? item.group?.title ?? ''])));
  const groups = scene.groups.map((group) => ({ group, ...(layout.groups.get(group.id) ?? { x: 0, y: 0, width: 0, height: 0 }) }));
  return finish(model, scene, direction, cards, links, groups, largest);
}

/**
 * Its points are worked out when they are first looked at: most of a big
 * picture never is.
 * @param {import('../model/scene.js').Link} link @param {number[]} control
 * @param {[number, number] | null} label @param {number[] | null} [points]
 * @returns {DrawnLink}
 */
function drawnLink(link, control, label, points = null) {
  return {
    link, control, label,
    stub: false,
    sourceTitle: '',
    now: { state: 'pending', gradient: null, edge: null, sent: 0 },
    get points() {
      points ??= sample(this.control);
      return points;
    },
    set points(value) {
      points = value;
    },
    move(dx, dy) {
      const shifted = (/** @type {number} */ value, /** @type {number} */ i) => value + (i % 2 === 0 ? dx : dy);
      this.control = this.control.map(shifted);
      points = points && points.map(shifted);
      if (this.label) this.label = [this.label[0] + dx, this.label[1] + dy];
    },
  };
}

/** A source with more readers than this is not linked to far ones by lines. */
const FAN_OUT = 12;
const FAR = 1600;

/**
 * The long lines of one thing that everything reads would cover the picture:
 * they are drawn as stubs at their readers.
 * @param {DrawnLink[]} links @param {Map<string, string>} titles
 */
function markStubs(links, titles) {
  /** @type {Map<string, number>} */
  const readers = new Map();
  for (const { link } of links) readers.set(link.source, (readers.get(link.source) ?? 0) + 1);
  for (const drawn of links) {
    const { control, link } = drawn;
    const n = control.length;
    const long = n > 2 && Math.hypot(control[n - 2] - control[0], control[n - 1] - control[1]) > FAR;
    drawn.sourceTitle = titles.get(link.source) ?? '';
    drawn.stub = long && (readers.get(link.source) ?? 0) > FAN_OUT;
  }
}

/** A card that grew by more would hide the numbers next to it. */
const MOST_GROWTH = 34;

/** @param {Drawn} a @param {Drawn} b */
function overlap(a, b) {
  return Math.abs(a.x - b.x) < (a.box.width + b.box.width) / 2 && Math.abs(a.y - b.y) < (a.box.height + b.box.height) / 2;
}

/**
 * Everything where it was, if everything was there.
 * @param {Model} model @param {Scene} scene @param {import('./measure.js').Box[]} boxes
 * @param {Arrangement} before @param {number} largest
 * @returns {Arrangement | null}
 */
function keep(model, scene, boxes, before, largest) {
  const old = new Map(before.cards.map((card) => [card.item.key, card]));
  /** @type {Drawn[]} */
  const cards = [];
  for (let i = 0; i < scene.items.length; i++) {
    const was = old.get(scene.items[i].key);
    if (!was || boxes[i].height - was.box.height > MOST_GROWTH) return null;
    cards.push({ item: scene.items[i], box: boxes[i], x: was.x, y: was.y });
  }
  if (cards.length <= LABELS_UP_TO && cards.some((a, i) => cards.slice(i + 1).some((b) => overlap(a, b)))) return null;
  const sameGroups = scene.groups.map((one) => one.id).join() === before.groups.map((one) => one.group.id).join();
  if (!sameGroups || cards.length < before.cards.length * 0.6) return null;
  const byId = new Map(cards.map((card) => [card.item.id, card]));
  const routes = new Map(before.links.map((link) => [link.link.key, link]));
  let fresh = 0;
  const links = scene.links.map((link) => {
    const was = routes.get(link.key);
    const [from, to] = [placed(byId.get(link.source)), placed(byId.get(link.target))];
    if (was) return drawnLink(link, was.control, was.label, clipEnds(was.points, from, to));
    fresh++;
    return drawnLink(link, plainRoute(from, to, before.direction, fresh % 2 ? 14 : -14), null);
  });
  if (fresh > Math.max(2, scene.links.length * 0.2)) return null;
  return finish(model, scene, before.direction, cards, links, before.groups, largest);
}

/** @param {Drawn | undefined} card */
function placed(card) {
  return { x: card?.x ?? 0, y: card?.y ?? 0, width: card?.box.width ?? 0, height: card?.box.height ?? 0 };
}

/**
 * @param {Model} model @param {Scene} scene @param {Direction} direction
 * @param {Drawn[]} cards @param {DrawnLink[]} links @param {DrawnGroup[]} groups @param {number} largest
 * @returns {Arrangement}
 */
function finish(model, scene, direction, cards, links, groups, largest) {
  return {
    scene, model, direction, cards, links, groups, largest,
    cardById: new Map(cards.map((card) => [card.item.id, card])),
    linkById: new Map(links.map((link) => [link.link.id, link])),
    bounds: boundsOf(cards, groups, links),
  };
}

/**
 * Of all that is drawn; the numbers beside the lines too.
 * @param {Drawn[]} cards @param {DrawnGroup[]} groups @param {DrawnLink[]} links
 */
function boundsOf(cards, groups, links) {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  const boxes = [...cards.map(({ x, y, box }) => ({ x, y, width: box.width, height: box.height })), ...groups];
  for (const { link, label } of links) {
    const size = label && labelSize(link);
    if (label && size) boxes.push({ x: label[0], y: label[1], width: size[0], height: size[1] });
  }
  for (const { x, y, width, height } of boxes) {
    left = Math.min(left, x - width / 2);
    right = Math.max(right, x + width / 2);
    top = Math.min(top, y - height / 2);
    bottom = Math.max(bottom, y + height / 2);
  }
  if (cards.length === 0) return { x: 0, y: 0, width: 1, height: 1 };
  return { x: left, y: top, width: right - left, height: bottom - top };
}

/** @param {Model} model */
function largestNorm(model) {
  let largest = 0;
  for (const edge of model.edges) {
    const norm = Math.abs(toNumber(edge.gradient?.norm ?? 0));
    if (Number.isFinite(norm)) largest = Math.max(largest, norm);
  }
  return largest;
}

/**
 * Move an arrangement so that what was there before moves as little as can be.
 * @param {Arrangement} arrangement @param {Arrangement} before
 */
export function align(arrangement, before) {
  const old = new Map(before.cards.map((card) => [card.item.key, card]));
  let [dx, dy, n] = [0, 0, 0];
  for (const card of arrangement.cards) {
    const was = old.get(card.item.key);
    if (!was) continue;
    dx += was.x - card.x;
    dy += was.y - card.y;
    n++;
  }
  if (n > 0) translate(arrangement, dx / n, dy / n);
  return n;
}

/** @param {Arrangement} arrangement @param {number} dx @param {number} dy */
function translate(arrangement, dx, dy) {
  if (dx === 0 && dy === 0) return;
  for (const card of arrangement.cards) {
    card.x += dx;
    card.y += dy;
  }
  for (const link of arrangement.links) {
    link.move(dx, dy);
  }
  for (const group of arrangement.groups) {
    group.x += dx;
    group.y += dy;
  }
  arrangement.bounds = boundsOf(arrangement.cards, arrangement.groups, arrangement.links);
}
