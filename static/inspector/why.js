/**
 * Why a variable has its gradient, or has none: the sentence, the chain up to
 * the cut, and the paths that contributed, each with its share.
 */
import { button, h, prose } from '../dom.js';

/**
 * @typedef {import('../model/types.js').Model} Model
 * @typedef {import('../model/types.js').Card} Card
 * @typedef {import('./sections.js').Links} Links
 */

/** Steps of a chain, and cards of a path, that are named one by one. */
const MOST_STEPS = 8;
const MOST_CARDS = 6;

/** Of these there is a `.grad`, be it of zeros, or too large to be sent. */
const HAS_GRAD = new Set(['accumulated', 'retained', 'assigned', 'zeroed']);

/** What the trace says of the variable that this card made. @param {Model} model @param {Card} card @param {Links} links */
export function whySection(model, card, links) {
  const variable = model.trace.variables.find((one) => model.cardOfTensor.get(one.tensor) === card.id);
  if (!variable?.explanation) return null;
  const { why } = variable;
  return h(
    'section', { 'aria-label': `Why, for ${variable.name}` },
    h('h3', {}, HAS_GRAD.has(variable.grad_status) || variable.grad ? 'Why this .grad' : 'Why no .grad', h('span', { class: 'inspect__when' }, 'at the end of the run')),
    h('p', {}, prose(variable.explanation)),
    why?.cut && chain(model, why.steps, links),
    variable.grad && why && why.paths.length > 1 && paths(model, why.paths, links),
  );
}

/** @param {Model} model @param {import('../model/types.js').WhyStep[]} steps @param {Links} links */
function chain(model, steps, links) {
  return h('ol', {}, steps.slice(0, MOST_STEPS).map(({ kind, ref, text }) => {
    const id = kind === 'op' ? model.cardOfOp.get(ref) : model.cardOfTensor.get(ref);
    return h('li', {}, id ? cardButton(id, text.replaceAll('`', ''), links) : prose(text));
  }));
}

/**
 * The paths by the cards along them; those through two inputs of one card, as
 * in `y*y`, are one row.
 * @param {Model} model @param {import('../model/types.js').WhyPath[]} list @param {Links} links
 */
function paths(model, list, links) {
  /** @type {Map<string, {ids: string[], count: number, share: number | null}>} */
  const rows = new Map();
  for (const path of list) {
    const ids = [...new Set(path.nodes.map((node) => model.cardOfNode.get(node)))].filter((id) => id !== undefined);
    const row = rows.get(ids.join());
    if (!row) rows.set(ids.join(), { ids, count: 1, share: path.share });
    else {
      row.count += 1;
      row.share = row.share === null || path.share === null ? null : row.share + path.share;
    }
  }
  const shares = [...rows.values()].some((row) => row.share !== null);
  return h(
    'table', { class: 'grid' },
    h('thead', {}, h('tr', {}, [`${list.length} paths, root first`, ...(shares ? ['share'] : [])].map((title) => h('th', { scope: 'col' }, title)))),
    h('tbody', {}, [...rows.values()].map(({ ids, count, share }) => h('tr', {},
      h('td', { class: 'left' }, names(model, ids, links), count > 1 && h('b', { title: `${count} paths go through these: by several inputs of one card` }, ` ×${count}`)),
      shares && h('td', {}, share === null ? '–' : percent(share))))),
  );
}

/** @param {number} share */
function percent(share) {
  const tenths = Math.round(share * 1000);
  return `${((tenths || 0) / 10).toFixed(1)}\u00a0%`;
}

/** The cards along a path. @param {Model} model @param {string[]} ids @param {Links} links */
function names(model, ids, links) {
  const shown = ids.length <= MOST_CARDS ? ids : [...ids.slice(0, MOST_CARDS - 1), /** @type {string} */ (ids.at(-1))];
  return shown.map((id, i) => [
    i > 0 && (ids.length > MOST_CARDS && i === shown.length - 1 ? ' → … → ' : ' → '),
    cardButton(id, title(model.cardById.get(id)), links),
  ]);
}

/** @param {Card | undefined} card */
const title = (card) => (card ? (card.kind === 'leaf' ? (card.names[0] ?? card.title) : card.title) : '?');

/** @param {string} id @param {string} label @param {Links} links */
function cardButton(id, label, links) {
  const ref = /** @type {const} */ ({ kind: 'card', id });
  return button({
    label, title: 'Select it in the graph', class: 'button--link',
    props: {
      on: {
        click: () => links.actions.select(ref),
        pointerenter: () => links.actions.hover(ref),
        pointerleave: () => links.actions.hover(null),
      },
    },
  });
}
