/**
 * The scene: what is drawn of a model.  Cards, or groups of cards where the
 * model is too big to be read at once, and the links between them.
 *
 * @typedef {import('./types.js').Model} Model
 * @typedef {import('./types.js').Card} Card
 * @typedef {import('./types.js').ModelEdge} ModelEdge
 * @typedef {import('./groups.js').Group} Group
 *
 * @typedef {object} Item  One box of the picture.
 * @property {string} id  Card or group id.
 * @property {string} key  The same over runs.
 * @property {Card | null} card
 * @property {Group | null} group  Closed.
 * @property {string | null} parent  The open group around it.
 *
 * @typedef {object} Link  One line of the picture, drawn from producer to consumer.
 * @property {string} id
 * @property {string} key
 * @property {string} source
 * @property {string} target
 * @property {ModelEdge[]} forward
 * @property {ModelEdge[]} gradients  Of any backward call.
 * @property {boolean} recorded
 * @property {boolean} severed  A use that autograd followed before the what-if.
 * @property {boolean} cut  Severed by the what-if itself, not further up.
 *
 * @typedef {{items: Item[], groups: Group[], links: Link[], itemOf: Map<string, string>, linkOf: Map<string, string>}} Scene
 *   groups: the open ones.  itemOf: card id -> item id.  linkOf: edge id -> link id.
 */
import { groupCards } from './groups.js';

/**
 * @param {Model} model
 * @param {{open?: Set<string>, collapse?: boolean, severed?: ModelEdge[]}} [options]
 *   open: ids of groups that are open.
 * @returns {Scene}
 */
export function buildScene(model, { open = new Set(), collapse = false, severed = [] } = {}) {
  const { items, groups } = collapse ? groupCards(model, open) : plain(model);
  /** @type {Map<string, string>} */
  const itemOf = new Map();
  for (const item of items) {
    for (const card of item.group?.cards ?? [item.id]) itemOf.set(card, item.id);
  }
  const keyOf = new Map(items.map((item) => [item.id, item.key]));
  const isCard = new Set(items.filter((item) => item.card).map((item) => item.id));
  /** @type {Map<string, Link>} */
  const links = new Map();
  /** @type {Map<string, string>} */
  const linkOf = new Map();
  const cut = new Set(severed.map((edge) => `${edge.source}>${edge.target}>${edge.input}`));

  /** @param {ModelEdge} edge @param {boolean} isSevered */
  const take = (edge, isSevered) => {
    const gradient = edge.kind === 'gradient';
    const source = itemOf.get(gradient ? edge.target : edge.source);
    const target = itemOf.get(gradient ? edge.source : edge.target);
    if (!source || !target || source === target) return;
    const own = isCard.has(source) && isCard.has(target);
    // Lanes of another run may have the same name.
    const id = (isSevered ? 's:' : 'l:') + (own ? edge.lane : `${source}>${target}`);
    let link = links.get(id);
    if (!link) {
      link = {
        id, source, target, key: `${keyOf.get(source)}>${keyOf.get(target)}#${edge.input}`,
        forward: [], gradients: [], recorded: false, severed: isSevered, cut: false,
      };
      links.set(id, link);
    }
    linkOf.set(edge.id, id);
    if (gradient) link.gradients.push(edge);
    else link.forward.push(edge);
    link.recorded ||= edge.recorded;
    link.cut ||= isSevered && edge.cut === true;
  };
  for (const edge of model.edges) {
    const replaced = edge.kind === 'forward' && !edge.recorded &&
      cut.has(`${edge.source}>${edge.target}>${edge.input}`);
    if (!replaced) take(edge, false);
  }
  for (const edge of severed) take(edge, true);
  return { items, groups, links: [...links.values()], itemOf, linkOf };
}

/** @param {Model} model @returns {{items: Item[], groups: Group[]}} */
function plain(model) {
  const items = model.cards.map((card) => ({ id: card.id, key: card.key, card, group: null, parent: null }));
  return { items, groups: [] };
}
