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
 * @param {Model} model
 * @param {Set<string>} open  Ids of open groups.
 * @returns {{items: import('./scene.js').Item[], groups: Group[]}}  groups: the open ones, outer before inner.
 */
export function groupCards(model, open) {
  /** @type {import('./scene.js').Item[]} */
  const items = [];
  /** @type {Group[]} */
  const groups = [];
  const levels = [byModule, byLine, byExpression, byRange];
  split(model.cards, 0, null, '');
  return { items, groups };

  /** @param {Card[]} cards @param {number} level @param {string | null} parent @param {string} prefix */
  function split(cards, level, parent, prefix) {
    if (level >= levels.length) {
      for (const card of cards) items.push({ id: card.id, key: card.key, card, group: null, parent });
      return;
    }
    for (const [name, members] of levels[level](cards, prefix)) {
      const plain = name === null || members.length === 1;
      if (plain) {
        split(members, level + 1, parent, prefix);
        continue;
      }
      const id = parent ? `${parent}/${name.id}` : `g:${name.id}`;
      const group = {
        id, title: name.title, detail: name.detail, parent, repeats: name.repeats ?? 1,
        cards: members.map((card) => card.id),
      };
      if (open.has(id)) {
        groups.push(group);
        split(members, name.again ? level : level + 1, id, name.prefix ?? prefix);
        continue;
      }
      items.push({ id, key: id, card: null, group, parent });
    }
  }
}

/**
 * @typedef {{id: string, title: string, detail: string, repeats?: number, prefix?: string, again?: boolean}} Name
 * @typedef {[Name | null, Card[]][]} Parts
 */

/** @param {Card[]} cards @param {string} prefix @returns {Parts} */
function byModule(cards, prefix) {
  return parts(cards, (card) => {
    const path = card.module ?? '';
    if (!path.startsWith(prefix) || path === prefix.replace(/\.$/, '')) return null;
    const head = prefix + path.slice(prefix.length).split('.')[0];
    return { id: head, title: head, detail: 'module', prefix: `${head}.`, again: true };
  });
}

/** @param {Card[]} cards @returns {Parts} */
function byLine(cards) {
  return parts(cards, (card) => {
    if (!card.site || card.kind === 'leaf') return null;
    return { id: `L${card.site.line}`, title: `line ${card.site.line}`, detail: card.expression.split('\n')[0] };
  });
}

/** @param {Card[]} cards @returns {Parts} */
function byExpression(cards) {
  const found = parts(cards, (card) => {
    if (!card.site || card.kind === 'leaf') return null;
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
