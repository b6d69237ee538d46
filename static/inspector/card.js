/**
 * The inspector's page for a card: an op, a leaf, a ghost or a constant.
 */
import { cells, heatMap, histogram, matrix, rowsOf } from '../cells.js';
import { button, h } from '../dom.js';
import { flatten, formatShape, stateAt } from '../model/index.js';
import { formatBytes, graphOf, ifDetached, neighbours, nodeIn, receivedBy, sentBy } from './flow.js';
import { ruleSection } from './rule.js';
import { whySection } from './why.js';

/**
 * @typedef {import('../model/types.js').Model} Model
 * @typedef {import('../model/types.js').Card} Card
 * @typedef {import('../model/types.js').Summary} Summary
 * @typedef {import('../state.js').State & {following: boolean}} State
 * @typedef {{
 *   actions: import('../actions.js').Actions,
 *   jump: (card: Card) => void,
 *   openTensor: (title: string, summary: Summary | null, tone: 'value' | 'grad') => void,
 *   check: () => void,
 * }} Links
 */

/** Rows of a table of edges. */
const MOST = 16;

const GHOST_WHY = new Map([
  ['no_grad', 'It ran under `torch.no_grad()`: nothing is recorded there, whatever its inputs.'],
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
    card.kind === 'ghost' && h('section', {}, h('h3', {}, 'Not recorded'), h('p', {}, plain(GHOST_WHY.get(card.reason ?? '') ?? 'Autograd did not record this operation.'))),
    tensorSection('Value', now.value ?? (card.kind === 'leaf' || now.status === 'future' ? now.value : card.value), 'value', card.title, links, now.status === 'future' ? 'Its line has not run yet.' : 'Not held in the trace.'),
    card.kind === 'leaf' ? leafSections(model, card, graph, now, links) : node && nodeSections(model, card, node, graph, links),
    whySection(model, card, links),
    card.kind !== 'leaf' && node && ruleSection(node.name),
    card.kind === 'op' && graph && graph.kind !== 'not_run' && detachSection(model, card, graph, links),
    node && node.saved.length > 0 && savedSection(node),
    node && checkSection(model, links),
    neighbourSection(model, card, links),
  );
}

/** @param {string} text */
const plain = (text) => text.split('`').map((part, i) => (i % 2 ? h('code', {}, part) : part));

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
  const name = card.names[0];
  const active = (/** @type {string} */ kind) => state.interventions.some((one) => one.kind === kind && one.label.includes(kind === 'detach' || kind === 'no_grad' ? card.expression : (name ?? '\0')));
  const toggles = [
    site && card.kind === 'op' && whatIf('scissors', 'Detach here', 'detach'),
    site && card.kind === 'op' && whatIf('eyeOff', 'no_grad', 'no_grad'),
    card.kind === 'op' && name && whatIf('pin', 'retain_grad', 'retain_grad'),
    (card.kind === 'leaf' || card.kind === 'constant') && name && whatIf('zap', 'requires_grad', 'requires_grad'),
    card.cut && site && card.kind === 'ghost' && whatIf('undo2', 'Undo the cut', state.interventions.find((one) => 'line' in one.target && one.target.line === site.line && one.target.col === site.col)?.kind ?? 'detach'),
  ];
  /** @param {string} sign @param {string} label @param {import('../state.js').InterventionKind} kind */
  function whatIf(sign, label, kind) {
    return button({
      icon: sign, label, title: `What if: ${kind}`, class: 'button--small button--whatif',
      props: { 'aria-pressed': String(active(kind)) }, onClick: () => links.actions.intervene(kind, card),
    });
  }
  return h(
    'div', { class: 'inspect__head' },
    h(
      'div', { class: 'inspect__row' },
      h('h2', { class: 'inspect__title' }, card.names.length > 0 && card.kind === 'leaf' ? card.names[0] : card.title),
      h('span', { class: `chip chip--mono ${card.kind === 'leaf' ? 'chip--leaf' : card.kind === 'ghost' ? 'chip--ghost' : ''}`, title: node && card.kind !== 'leaf' ? `Sequence number ${node.sequence_nr}` : '' },
        card.kind === 'leaf' ? 'leaf' : card.kind === 'ghost' ? 'not recorded' : card.kind === 'constant' ? 'constant' : card.engine),
    ),
    card.names.length > 0 && card.kind !== 'leaf' && h('p', { class: 'inspect__meta' }, 'named ', card.names.map((one, i) => [i > 0 && ', ', h('code', {}, one)])),
    h('p', { class: 'inspect__meta' }, meta.join(' · ')),
    h('p', { class: 'inspect__meta' }, state.following
      ? 'Follows the walk. Select a card to stay with it.'
      : button({ icon: 'x', label: 'Deselect, and follow the walk', title: 'Deselect', key: 'Esc', class: 'button--link', onClick: () => links.actions.select(null) })),
    h('div', { class: 'inspect__actions' }, toggles, site && button({ icon: 'code', label: 'Source', title: 'Jump to the expression in the code', class: 'button--small', onClick: () => links.jump(card) })),
  );
}

/**
 * @param {string} title @param {Summary | null} summary @param {'value' | 'grad'} tone @param {string} what
 * @param {Links} links @param {string} absent
 */
function tensorSection(title, summary, tone, what, links, absent) {
  if (!summary) return h('section', { class: 'inspect__tensor', 'aria-label': title }, h('h3', {}, title), h('p', { class: 'none' }, absent));
  const numbers = flatten(summary);
  const rows = numbers && summary.shape.length > 1 ? rowsOf(summary) : null;
  // A few numbers stand beside their title, more of them under it.
  const short = numbers !== null && !rows && numbers.length <= 4;
  const open = button({
    icon: 'maximize2', title: `Open ${title.toLowerCase()} of ${what} large`, class: 'button--small button--quiet',
    onClick: () => links.openTensor(`${title} of ${what}`, summary, tone),
  });
  return h(
    'section', { class: 'inspect__tensor', 'aria-label': title },
    h('h3', {}, title, !short && h('span', { class: 'shape' }, formatShape(summary.shape)), !short && open),
    rows ? matrix(rows, tone, `${title} of ${what}, ${rows.length} rows`) : cells(summary, tone, 12),
    short && open,
    !numbers && summary.heat && heatMap(summary.heat, tone, `Heat map of ${title}`),
    !numbers && histogram(summary, tone),
  );
}

/** @param {Model} model @param {Card} card @param {import('../model/types.js').TraceNode} node @param {import('../model/types.js').TraceGraph | null} graph @param {Links} links */
function nodeSections(model, card, node, graph, links) {
  const ran = node.executed && graph?.kind !== 'not_run';
  const upstream = node.upstream.length > 1 ? node.upstream : [node.upstream[0] ?? null];
  const sent = sentBy(model, card, graph);
  return [
    upstream.map((v, i) => tensorSection(
      upstream.length > 1 ? `Upstream gradient v, output ${i}` : 'Upstream gradient v', v, 'grad', card.title, links,
      ran ? 'None arrived at this output.' : 'Backward did not come here.')),
    ran && (node.jacobians ?? []).map((jacobian) => jacobianSection(jacobian, card)),
    ran && sent.length > 0 && sentSection(model, card, sent, graph, links),
  ];
}

/** @param {import('../model/types.js').Jacobian} jacobian @param {Card} card */
function jacobianSection(jacobian, card) {
  const rows = jacobian.data.length;
  const columns = jacobian.data[0]?.length ?? 0;
  return h(
    'section', { 'aria-label': `Local Jacobian for input ${jacobian.input}` },
    h('h3', {}, 'Local Jacobian J', h('span', { class: 'shape' }, `input ${jacobian.input} · ${rows}×${columns}`)),
    matrix(jacobian.data, 'grad', `Local Jacobian of ${card.title} for input ${jacobian.input}, ${rows} rows, ${columns} columns`),
  );
}

/** @param {Model} model @param {Card} card @param {import('../model/types.js').ModelEdge[]} sent @param {import('../model/types.js').TraceGraph | null} graph @param {Links} links */
function sentSection(model, card, sent, graph, links) {
  /** @type {Map<string, import('../model/types.js').ModelEdge[]>} */
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
          h('td', {}, cells(edge.gradient, 'grad', 3)))),
        all.length > 1 && total ? h('tr', { class: 'sum' },
          h('td', { class: 'left' }, `${nameOf(target)} receives the sum`, elsewhere > 0 && ` with ${elsewhere} more`),
          h('td', {}, cells(total, 'grad', 3))) : null,
      ];
    }))),
  );
}

/** @param {import('../model/types.js').ModelEdge[]} edges */
function leafTotal(edges) {
  return edges.length === 1 ? edges[0].gradient : null;
}

/** @param {Card} card */
const nameOf = (card) => (card.names[0] ?? card.title) + (card.iteration.length > 0 ? ` #${card.iteration.map((i) => i + 1).join('.')}` : '');

/** @param {Card} card @param {Links} links */
function cardLink(card, links) {
  return h('button', {
    type: 'button', class: 'button button--link mono', title: `Select ${card.title}`,
    on: {
      click: () => links.actions.select({ kind: 'card', id: card.id }),
      pointerenter: () => links.actions.hover({ kind: 'card', id: card.id }),
      pointerleave: () => links.actions.hover(null),
    },
  }, nameOf(card));
}

/** @param {Model} model @param {Card} card @param {import('../model/types.js').TraceGraph | null} graph @param {import('../model/types.js').CardState} now @param {Links} links */
function leafSections(model, card, graph, now, links) {
  const incoming = receivedBy(model, card, graph).filter((edge) => edge.gradient);
  const variable = card.names[0] ?? 'it';
  return [
    tensorSection('.grad', now.grad?.after ?? null, 'grad', variable, links, 'None at this step.'),
    now.grad?.changed && now.grad.before && h('section', { 'aria-label': 'Before this step' }, h('h3', {}, 'Before this step'), cells(now.grad.before, 'grad', 12)),
    incoming.length > 0 && h(
      'section', { 'aria-label': 'Arrives' }, h('h3', {}, incoming.length > 1 ? 'What arrives is added up' : 'What arrives'),
      h('table', { class: 'grid' }, h('tbody', {}, incoming.slice(0, MOST).map((edge) => {
        const source = model.cardById.get(edge.source);
        return h('tr', {}, h('td', { class: 'left' }, 'from ', source ? cardLink(source, links) : '?'), h('td', {}, cells(edge.gradient, 'grad', 3)));
      }))),
      incoming.length > MOST && h('p', {}, `and ${(incoming.length - MOST).toLocaleString('en')} more`),
    ),
  ];
}

/** @param {import('../model/types.js').TraceNode} node */
function savedSection(node) {
  return h(
    'section', { 'aria-label': 'Saved tensors' },
    h('h3', {}, 'Saved for backward', h('span', { class: 'shape' }, formatBytes(node.saved.reduce((total, one) => total + one.bytes, 0)))),
    h('table', { class: 'grid' }, h('tbody', {}, node.saved.map((one) => h('tr', {},
      h('td', { class: 'left' }, h('code', {}, one.name)),
      h('td', { class: 'left' }, h('span', { class: 'shape' }, `${formatShape(one.shape)} · ${one.dtype}`)),
      h('td', {}, formatBytes(one.bytes)))))),
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

/** @param {Model} model @param {Card} card @param {import('../model/types.js').TraceGraph} graph @param {Links} links */
function detachSection(model, card, graph, links) {
  const { lost, reduced, rootless } = ifDetached(model, card, graph);
  if (lost.length + reduced.length === 0) return null;
  const list = (/** @type {Card[]} */ cards) => cards.slice(0, 6).map((one, i) => [i > 0 && ', ', cardLink(one, links)]).concat(cards.length > 6 ? [[` and ${cards.length - 6} more`]] : []);
  return h(
    'section', { 'aria-label': 'If detached here' },
    h('h3', {}, 'If it were detached here'),
    h(
      'div', { class: 'inspect__cut' },
      lost.length > 0 && h('p', {}, list(lost), ' would get ', h('b', {}, 'no gradient'), ': every path from the root passes through here.'),
      reduced.length > 0 && h('p', {}, list(reduced), ' would lose ', h('b', {}, 'one part'), ' of the sum: other paths remain.'),
      rootless && h('p', {}, 'No leaf would be left to reach, so backward() itself would fail.'),
    ),
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
