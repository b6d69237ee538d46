/**
 * The inspector's page for a card: an op, a leaf, a ghost or a constant.
 */
import { cells, matrix } from '../cells.js';
import { absent } from '../model/absent.js';
import { breakable, button, h, prose } from '../dom.js';
import { formatShape, stateAt, toNumber } from '../model/index.js';
import { formatBytes, graphOf, neighbours, nodeIn, receivedBy, sentBy } from './flow.js';
import { ruleSection } from './rule.js';
import { carried, cardLink, nameOf, tensorSection } from './sections.js';
import { changeSection, detachSection, toggles } from './whatif.js';
import { whySection } from './why.js';

/**
 * @typedef {import('../model/types.js').Model} Model
 * @typedef {import('../model/types.js').Card} Card
 * @typedef {import('../model/types.js').ModelEdge} ModelEdge
 * @typedef {import('../model/types.js').Summary} Summary
 * @typedef {import('../state.js').State & {following: boolean}} State
 * @typedef {import('./sections.js').Links} Links
 */

/** Rows of a table of edges. */
const MOST = 16;

const GHOST_WHY = new Map([
  ['no_grad', 'Grad mode was off when it ran (`torch.no_grad()`, or a hook inside of a backward pass): nothing is recorded then, whatever its inputs.'],
  ['inference_mode', 'It ran under `torch.inference_mode()`: nothing is recorded there.'],
  ['no_input_requires_grad', 'None of its inputs requires grad, so there is nothing to differentiate with respect to.'],
  ['not_differentiable', 'It has no derivative (it gives whole numbers or truth values).'],
  ['detached', 'It gives a tensor that is cut off the graph on purpose.'],
]);

/** @param {Model} model @param {Card} card @param {State} state @param {Links} links */
export function cardPage(model, card, state, links) {
  const at = stateAt(model, state.step);
  const graph = graphOf(model, card, at.graph);
  const node = nodeIn(model, card, graph);
  const now = at.card(card.id);
  return h(
    'div', { class: 'inspect' },
    head(model, card, node, state, links),
    card.kind === 'ghost' && h('section', {}, h('h3', {}, 'Not recorded'), h('p', {}, prose(GHOST_WHY.get(card.reason ?? '') ?? 'Autograd did not record this operation.'))),
    changeSection(card, state, links),
    tensorSection('Value', now.value ?? (card.kind === 'leaf' || now.status === 'future' ? now.value : card.value), 'value', card.title, links, now.status === 'future' ? 'Its line has not run yet.' : card.tensors.length === 0 ? 'A step inside the operation: no tensor of the program holds it.' : 'Not held in the trace.'),
    card.kind === 'leaf' ? leafSections(model, card, graph, at, links) : node && upstreamSections(model, card, node, graph, at, links),
    whySection(model, card, links),
    card.kind !== 'leaf' && node && sentSections(model, card, node, graph, links),
    card.kind !== 'leaf' && node && ruleSection(node.name),
    card.kind === 'op' && graph && graph.kind !== 'not_run' && detachSection(model, card, graph, links),
    node && node.saved.length > 0 && savedSection(model, node, links),
    node && checkSection(model, links),
    neighbourSection(model, card, links),
  );
}

/** @param {Model} model @param {Card} card @param {import('../model/types.js').TraceNode | null} node @param {State} state @param {Links} links */
function head(model, card, node, state, links) {
  const made = model.history.forward.get(card.id);
  const saves = node ? node.saved.reduce((total, one) => total + one.bytes, 0) : 0;
  const { site } = card;
  const meta = [
    site && `line ${site.line}, columns ${site.col + 1}–${site.end_col}`,
    card.iteration.length > 0 && `turn ${card.iteration.map((i) => i + 1).join('.')}`,
    made !== undefined && (made < 0 ? 'given before the run' : `step ${made + 1}`),
    saves > 0 && `saves ${formatBytes(saves)}`,
    card.module && `module ${card.module}`,
  ].filter(Boolean);
  const title = card.kind === 'leaf' ? (card.names[0] ?? card.title) : card.title;
  const others = card.names.filter((one) => one !== title);
  return h(
    'div', { class: 'inspect__head' },
    h(
      'div', { class: 'inspect__row' },
      h('h2', { class: 'inspect__title' }, breakable(title)),
      h('span', { class: `chip chip--mono ${card.kind === 'leaf' ? 'chip--leaf' : card.kind === 'ghost' ? 'chip--ghost' : ''}`, title: node && card.kind !== 'leaf' ? `Sequence number ${node.sequence_nr}` : '' },
        card.kind === 'leaf' ? 'leaf' : card.kind === 'ghost' ? 'not recorded' : card.kind === 'constant' ? 'constant' : card.engine),
    ),
    others.length > 0 && h('p', { class: 'inspect__meta' }, card.kind === 'leaf' ? 'also named ' : 'named ', others.map((one, i) => [i > 0 && ', ', h('code', {}, one)])),
    h('p', { class: 'inspect__meta' }, meta.join(' · ')),
    h('p', { class: 'inspect__meta inspect__follow' }, state.following
      ? 'Follows the walk. Select a card to stay with it.'
      : button({ icon: 'x', label: 'Deselect, and follow the walk', title: 'Deselect', key: 'Esc', class: 'button--link', onClick: () => links.actions.select(null) })),
    h('div', { class: 'inspect__actions' }, toggles(model, card, state, links), site && button({ icon: 'code', label: 'Source', title: 'Jump to the expression in the code', class: 'button--small', onClick: () => links.jump(card) })),
  );
}

/** The step at which all of a card's gradient has come, while that is ahead. @param {Model} model @param {Card} card @param {import('../model/types.js').TraceGraph | null} graph @param {number} step */
function whenWhole(model, card, graph, step) {
  const whole = model.history.flows.get(card.id)?.find((flow) => flow.graph === graph?.id && flow.ran)?.step ?? -1;
  return whole > step ? `at step ${whole + 1}` : '';
}

/**
 * @param {Model} model @param {Card} card @param {import('../model/types.js').TraceNode} node
 * @param {import('../model/types.js').TraceGraph | null} graph @param {import('../model/types.js').State} at @param {Links} links
 */
function upstreamSections(model, card, node, graph, at, links) {
  const ran = node.executed && graph?.kind !== 'not_run';
  const when = whenWhole(model, card, graph, at.step);
  const { gradient } = at.card(card.id);
  // Where the engine gave up a gradient had come, and the node did not run.
  const [first = ran || gradient === 'pending' ? null : gradient] = node.upstream;
  const upstream = node.upstream.length > 1 ? node.upstream : [first];
  return upstream.map((v, i) => tensorSection(
    upstream.length > 1 ? `Upstream gradient v, output ${i}` : 'Upstream gradient v', v, 'grad', card.title, links,
    !ran ? 'Backward did not come here.' : absent(model.trace) === 'None' ? 'None arrived at this output.' : 'The numbers were left out.', when));
}

/** @param {Model} model @param {Card} card @param {import('../model/types.js').TraceNode} node @param {import('../model/types.js').TraceGraph | null} graph @param {Links} links */
function sentSections(model, card, node, graph, links) {
  if (!node.executed || graph?.kind === 'not_run') return null;
  const sent = sentBy(model, card, graph);
  const jacobians = node.jacobians ?? [];
  /** Equal ones of one value, as in `y*y`, are drawn once. @type {{inputs: number[], jacobian: import('../model/types.js').Jacobian, target: Card | undefined}[]} */
  const groups = [];
  for (const jacobian of jacobians) {
    const target = model.cardById.get(sent.find((edge) => edge.input === jacobian.input)?.target ?? '');
    const twin = groups.find((one) => one.target && one.target === target && JSON.stringify(one.jacobian.data) === JSON.stringify(jacobian.data));
    if (twin) twin.inputs.push(jacobian.input);
    else groups.push({ inputs: [jacobian.input], jacobian, target });
  }
  return [
    groups.map(({ inputs, jacobian, target }) => jacobianSection(jacobian, inputs, card, target, links)),
    sent.length > 0 && sentSection(model, card, sent, graph, links),
  ];
}

/** Rows and columns of a Jacobian that the pane shows whole. */
const SMALL = 6;

/** The way to see a Jacobian whole. @param {import('../model/types.js').Jacobian} jacobian @param {string} title @param {Links} links */
function large({ data }, title, links) {
  const shape = [data.length, data[0]?.length ?? 0];
  if (Math.max(...shape) <= SMALL) return null;
  const numbers = data.flat().map(toNumber);
  const summary = {
    shape, data, dtype: 'float64', norm: Math.hypot(...numbers), min: Math.min(...numbers), max: Math.max(...numbers),
    mean: numbers.reduce((all, one) => all + one, 0) / Math.max(1, numbers.length), nonfinite: numbers.filter((one) => !Number.isFinite(one)).length,
  };
  return button({ icon: 'maximize2', title: `Open the ${title} large`, class: 'button--small button--quiet', onClick: () => links.openTensor(title, summary, 'grad') });
}

/** Longest `∂…/∂…` that stands in a title. */
const MOST_LETTERS = 12;

/** @param {import('../model/types.js').Jacobian} jacobian @param {number[]} inputs @param {Card} card @param {Card | undefined} target @param {Links} links */
function jacobianSection(jacobian, inputs, card, target, links) {
  const rows = jacobian.data.length;
  const columns = jacobian.data[0]?.length ?? 0;
  const which = inputs.length > 1 ? `inputs ${inputs.join(' and ')} alike` : `input ${inputs[0]}`;
  const symbol = target ? `∂(${card.names[0] ?? card.title})/∂(${target.names[0] ?? target.title})`.replace(/\(([\w.]+)\)/gu, '$1') : '';
  return h(
    'section', { 'aria-label': `Local Jacobian for input ${inputs[0]}` },
    h('h3', {}, 'Local Jacobian J', h('span', { class: 'shape' }, [symbol.length <= MOST_LETTERS ? symbol : '', which, `${rows}×${columns}`].filter(Boolean).join(' · ')), large(jacobian, `Jacobian of ${nameOf(card)} for ${which}`, links)),
    matrix(jacobian.data, 'grad', `Local Jacobian of ${card.title} for ${which}, ${rows} rows, ${columns} columns`),
  );
}

/** @param {Model} model @param {Card} card @param {ModelEdge[]} sent @param {import('../model/types.js').TraceGraph | null} graph @param {Links} links */
function sentSection(model, card, sent, graph, links) {
  /** @type {Map<string, ModelEdge[]>} */
  const byTarget = new Map();
  for (const edge of sent) byTarget.set(edge.target, [...(byTarget.get(edge.target) ?? []), edge]);
  return h(
    'section', { 'aria-label': 'Sent along each edge' },
    h('h3', {}, 'Sends on  Jᵀ·v'),
    h('table', { class: 'grid' }, h('tbody', {}, [...byTarget].flatMap(([id, edges]) => {
      const target = model.cardById.get(id);
      if (!target) return [];
      const all = receivedBy(model, target, graph);
      const elsewhere = all.length - edges.length;
      const total = target.kind === 'leaf' ? leafTotal(all) : (nodeIn(model, target, graph)?.upstream[edges[0].output] ?? null);
      return [
        ...edges.map((edge) => h('tr', {},
          h('td', { class: 'left' }, '→ ', cardLink(target, links), sent.length > 1 ? ` (input ${edge.input})` : ''),
          carried(edge.gradient, `${nameOf(card)}, input ${edge.input}`, links, edge.absent))),
        all.length > 1 && total ? h('tr', { class: 'sum' },
          h('td', { class: 'left' }, `${nameOf(target)} receives the sum`, elsewhere > 0 && ` with ${elsewhere} more`),
          carried(total, `the sum at ${nameOf(target)}`, links)) : null,
      ];
    }))),
  );
}

/** @param {import('../model/types.js').ModelEdge[]} edges */
function leafTotal(edges) {
  return edges.length === 1 ? edges[0].gradient : null;
}

/** @param {Model} model @param {Card} card @param {import('../model/types.js').TraceGraph | null} graph @param {import('../model/types.js').State} at @param {Links} links */
function leafSections(model, card, graph, at, links) {
  const now = at.card(card.id);
  const incoming = receivedBy(model, card, graph).filter((edge) => edge.gradient);
  const variable = card.names[0] ?? 'it';
  return [
    tensorSection('.grad', now.grad?.after ?? null, 'grad', variable, links, now.grad?.came ? `The numbers were ${now.absent}.` : 'None at this step.'),
    now.grad?.changed && now.grad.before && h('section', { 'aria-label': 'Before this step' }, h('h3', {}, 'Before this step'), cells(now.grad.before, 'grad', 12)),
    incoming.length > 0 && h(
      'section', { 'aria-label': 'Arrives' }, h('h3', {}, incoming.length > 1 ? 'What arrives is added up' : 'What arrives', h('span', { class: 'inspect__when' }, whenWhole(model, card, graph, at.step))),
      h('table', { class: 'grid' }, h('tbody', {}, incoming.slice(0, MOST).map((edge) => {
        const source = model.cardById.get(edge.source);
        return h('tr', {}, h('td', { class: 'left' }, 'from ', source ? cardLink(source, links) : '?'), carried(edge.gradient, `from ${source ? nameOf(source) : 'the edge'}`, links));
      }))),
      incoming.length > MOST && h('p', {}, `and ${(incoming.length - MOST).toLocaleString('en')} more`),
    ),
  ];
}

/** What the node keeps until backward came, and whose numbers they are. @param {Model} model @param {import('../model/types.js').TraceNode} node @param {Links} links */
function savedSection(model, node, links) {
  return h(
    'section', { 'aria-label': 'Saved tensors' },
    h('h3', {}, 'Saved for backward', h('span', { class: 'shape' }, formatBytes(node.saved.reduce((total, one) => total + one.bytes, 0)))),
    h('table', { class: 'grid' }, h('tbody', {}, node.saved.map((one) => {
      const card = model.cardById.get(model.cardOfTensor.get(one.tensor ?? '') ?? '');
      return h('tr', {},
        h('td', { class: 'left' }, h('code', {}, one.name), card && [' = ', cardLink(card, links)]),
        h('td', { class: 'left' }, h('span', { class: 'shape' }, `${formatShape(one.shape)} · ${one.dtype}`)),
        h('td', {}, formatBytes(one.bytes)));
    }))),
  );
}

/** @param {Model} model @param {Links} links */
function checkSection(model, links) {
  const checks = /** @type {any} */ (model.trace).checks;
  return h(
    'section', { 'aria-label': 'Check' },
    h('h3', {}, 'Check by finite differences'),
    checks
      ? checks.length === 0
        ? h('p', {}, 'No leaf could be checked.')
        : h('table', { class: 'grid' }, h('tbody', {}, checks.map((/** @type {any} */ one) => h('tr', {},
            h('td', { class: 'left' }, h('code', {}, one.variable)),
            h('td', { class: 'left' }, one.passed === null ? (one.note ?? 'not checked') : `${one.passed ? '✓ agrees' : '✗ differs'}, largest error ${Number(one.error).toExponential(1)}`)))))
      : h('p', {}, button({ icon: 'check', label: 'Compare every leaf', title: 'Run again in float64 and compare with finite differences', class: 'button--small', onClick: () => links.check() })),
  );
}

/** @param {Model} model @param {Card} card @param {Links} links */
function neighbourSection(model, card, links) {
  const { uses, usedBy } = neighbours(model, card);
  if (uses.length + usedBy.length === 0) return null;
  const row = (/** @type {string} */ label, /** @type {Card[]} */ cards) =>
    cards.length > 0 && h('p', {}, `${label} `, cards.slice(0, 12).map((one, i) => [i > 0 && ', ', cardLink(one, links)]), cards.length > 12 && ` and ${cards.length - 12} more`);
  return h('section', { 'aria-label': 'Neighbours' }, h('h3', {}, 'Neighbours'), row('uses', uses), row('used by', usedBy));
}
