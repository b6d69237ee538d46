/**
 * Groups of a big model: by module path, then source line, then repeats.
 *
 * @typedef {import('./types.js').Model} Model
 * @typedef {import('./types.js').Card} Card
 *
 * @typedef {object} Group
 * @property {string} id
 * @property {string} title
 * @property {string} detail
 * @property {string[]} cards  Ids of all cards in it.
 * @property {number} repeats  How often its one expression ran; 1: it is no stack.
 * @property {string | null} parent  The open group around it.
 */

/** Models up to this many cards open as they are. */
export const READABLE = 90;
/** More cards than this in one group are split. */
const MOST = 200;

/**
 * The whole tree: groups in groups, cards at the tips.
 * @typedef {{group: Group, inner: Branch[]} | {card: Card, parent: string | null}} Branch
 */

/** @type {WeakMap<Model, Branch[]>} */
const trees = new WeakMap();

/** @param {Model} model @returns {Branch[]} */
function treeOf(model) {
  const known = trees.get(model);
  if (known) return known;
  const homes = homesOf(model);
  const levels = [
    (/** @type {Card[]} */ cards, /** @type {string} */ prefix) => byModule(cards, prefix, homes),
    (/** @type {Card[]} */ cards) => byLine(cards, homes), byExpression, byRange,
  ];
  const tree = split(model.cards, 0, null, '');
  trees.set(model, tree);
  return tree;

  /** @param {Card[]} cards @param {number} level @param {string | null} parent @param {string} prefix @returns {Branch[]} */
  function split(cards, level, parent, prefix) {
    if (level >= levels.length) return cards.map((card) => ({ card, parent }));
    return levels[level](cards, prefix).flatMap(([name, members]) => {
      if (name === null || members.length === 1) return split(members, level + 1, parent, prefix);
      const id = parent ? `${parent}/${name.id}` : `g:${name.id}`;
      const group = {
        id, title: name.title, detail: name.detail, parent, repeats: name.repeats ?? 1,
        cards: members.map((card) => card.id),
      };
      return [{ group, inner: split(members, name.again ? level : level + 1, id, name.prefix ?? prefix) }];
    });
  }
}

/**
 * @param {Model} model
 * @param {Set<string>} open  Ids of open groups.
 * @returns {{items: import('./scene.js').Item[], groups: Group[]}}  groups: the open ones, outer before inner.
 */
export function groupCards(model, open) {
  /** @type {import('./scene.js').Item[]} */
  const items = [];
  /** @type {Group[]} */
  const groups = [];
  walk(treeOf(model));
  return { items, groups };

  /** @param {Branch[]} branches */
  function walk(branches) {
    for (const branch of branches) {
      if ('card' in branch) {
        const { card, parent } = branch;
        items.push({ id: card.id, key: card.key, card, group: null, parent });
      } else if (open.has(branch.group.id)) {
        groups.push(branch.group);
        walk(branch.inner);
      } else {
        const { group } = branch;
        items.push({ id: group.id, key: group.id, card: null, group, parent: group.parent });
      }
    }
  }
}

/** So many boxes are still a good first look. */
const FIRST_LOOK = 60;

/**
 * Groups to open at first: outer ones before inner, while all stays readable.
 * @param {Model} model
 * @returns {Set<string>}
 */
export function firstOpen(model) {
  const open = new Set();
  let level = treeOf(model);
  let shown = level.length;
  while (level.length > 0) {
    const groups = level.flatMap((branch) => ('group' in branch && branch.group.repeats === 1 ? [branch] : []));
    level = [];
    for (const { group, inner } of groups) {
      if (shown - 1 + inner.length > FIRST_LOOK) continue;
      shown += inner.length - 1;
      open.add(group.id);
      level.push(...inner);
    }
  }
  return open;
}

/**
 * @typedef {{id: string, title: string, detail: string, repeats?: number, prefix?: string, again?: boolean}} Name
 * @typedef {[Name | null, Card[]][]} Parts
 */

/**
 * Leaves and constants stand with what reads them: their readers' common
 * module path, and their line where all read them on one.
 * @param {Model} model
 * @returns {Map<string, {module: string, line: number | null}>}
 */
function homesOf(model) {
  /** @type {Map<string, {module: string, line: number | null}>} */
  const homes = new Map();
  for (const edge of model.edges) {
    if (edge.kind !== 'forward') continue;
    const [source, target] = [model.cardById.get(edge.source), model.cardById.get(edge.target)];
    if (!source || !target || (source.kind !== 'leaf' && source.kind !== 'constant')) continue;
    const known = homes.get(source.id);
    const module = target.module ?? '';
    const line = target.site?.line ?? null;
    if (!known) homes.set(source.id, { module, line });
    else {
      known.module = commonPath(known.module, module);
      if (known.line !== line) known.line = null;
    }
  }
  return homes;
}

/** @param {string} a @param {string} b */
function commonPath(a, b) {
  const [left, right] = [a.split('.'), b.split('.')];
  let i = 0;
  while (i < left.length && left[i] === right[i]) i++;
  return left.slice(0, i).join('.');
}

/** @param {Card[]} cards @param {string} prefix @param {ReturnType<typeof homesOf>} homes @returns {Parts} */
function byModule(cards, prefix, homes) {
  return parts(cards, (card) => {
    const path = card.module ?? homes.get(card.id)?.module ?? '';
    if (!path.startsWith(prefix) || path === prefix.replace(/\.$/, '')) return null;
    const head = prefix + path.slice(prefix.length).split('.')[0];
    return { id: head, title: head, detail: 'module', prefix: `${head}.`, again: true };
  });
}

/** How many leaves of one making are still shown one by one. */
const LEAVES = 12;

/** @param {Card[]} cards @param {ReturnType<typeof homesOf>} homes @returns {Parts} */
function byLine(cards, homes) {
  /** @type {Map<number, number>} */
  const leaves = new Map();
  for (const card of cards) {
    if (card.site && isSource(card)) leaves.set(card.site.line, (leaves.get(card.site.line) ?? 0) + 1);
  }
  return parts(cards, (card) => {
    if (!card.site) return null;
    if (isSource(card)) {
      if ((leaves.get(card.site.line) ?? 0) <= LEAVES) return null;
      const home = homes.get(card.id);
      const line = home?.line ?? card.site.line;
      const title = home?.line ? `line ${line}` : `${card.title}, made on line ${line}`;
      return { id: `L${line}`, title, detail: card.expression.split('\n')[0] };
    }
    return { id: `L${card.site.line}`, title: `line ${card.site.line}`, detail: card.expression.split('\n')[0] };
  });
}

/** @param {Card} card */
function isSource(card) {
  return card.kind === 'leaf' || card.kind === 'constant';
}

/** @param {Card[]} cards @returns {Parts} */
function byExpression(cards) {
  const found = parts(cards, (card) => {
    if (!card.site) return null;
    const at = `${card.site.col}-${card.site.end_line}:${card.site.end_col}|${card.engine}|${card.title}`;
    return { id: at, title: card.title, detail: card.engine };
  });
  for (const [name, members] of found) if (name) name.repeats = members.length;
  return found;
}

/** @param {Card[]} cards @returns {Parts} */
function byRange(cards) {
  if (cards.length <= MOST) return [[null, cards]];
  const size = Math.max(Math.ceil(cards.length / 20), 20);
  /** @type {Parts} */
  const out = [];
  for (let i = 0; i < cards.length; i += size) {
    const some = cards.slice(i, i + size);
    const title = `${some[0].title}`;
    out.push([{ id: `${i}`, title, detail: `${i + 1}–${i + some.length} of ${cards.length}`, repeats: some.length, again: some.length > MOST }, some]);
  }
  return out;
}

/** @param {Card[]} cards @param {(card: Card) => Name | null} nameOf @returns {Parts} */
function parts(cards, nameOf) {
  /** @type {Map<string, [Name | null, Card[]]>} */
  const map = new Map();
  for (const card of cards) {
    const name = nameOf(card);
    const key = name ? name.id : `\u0000${card.id}`;
    const entry = map.get(name ? key : '');
    if (entry) entry[1].push(card);
    else map.set(name ? key : '', [name, [card]]);
  }
  return [...map.values()];
}
