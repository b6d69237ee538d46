/**
 * Draws cards: once their frame, at every step their numbers.
 *
 * @typedef {import('../model/types.js').Card} Card
 * @typedef {import('../model/types.js').CardState} CardState
 * @typedef {import('../model/types.js').Change} Change
 * @typedef {import('../model/types.js').Summary} Summary
 * @typedef {import('./measure.js').Box} Box
 * @typedef {import('../model/scene.js').Item} Item
 *
 * @typedef {object} Drawn  A box with its place.
 * @property {Item} item
 * @property {Box} box
 * @property {number} x  Centre.
 * @property {number} y
 *
 * @typedef {import('d3').Selection<SVGGElement, Drawn, any, any>} CardSelection
 */
import { select } from 'd3';
import { formatSummary } from '../model/numbers.js';
import { clip } from '../model/source.js';
import { drawRow } from './rows.js';
import { engineText, hasGradientRow, hasValueRow, LABEL_COLUMN, noteOf, PAD, pillOf, titleOf, waitingText } from './measure.js';
import { say, write } from './write.js';

/**
 * The parts of a card that do not change with the step.
 * @param {SVGGElement} element @param {Drawn} drawn
 */
export function buildCard(element, { item, box }) {
  const root = select(element);
  root.selectAll('*').remove();
  root.append('rect').attr('class', 'gw-halo').attr('x', -4).attr('y', -4).attr('rx', 13)
    .attr('width', box.width + 8).attr('height', box.height + 8);
  if (item.group) return buildGroup(root, item.group, box);
  const card = /** @type {Card} */ (item.card);
  root.append('rect').attr('class', 'gw-box').attr('rx', 10).attr('width', box.width).attr('height', box.height);
  header(root, card, box);
  if (hasValueRow(card)) {
    root.append('text').attr('class', 'gw-label').attr('x', PAD).attr('y', box.valueTop + 13).text('value');
    root.append('g').attr('class', 'gw-row gw-row--value').attr('transform', at(PAD + LABEL_COLUMN, box.valueTop));
  }
  if (hasGradientRow(card)) {
    const label = card.kind === 'ghost' ? 'none' : card.kind === 'leaf' ? '.grad' : 'grad';
    root.append('text').attr('class', 'gw-label').attr('x', PAD).attr('y', box.gradTop + 13).text(label);
    root.append('g').attr('class', 'gw-row gw-row--grad').attr('transform', at(PAD + LABEL_COLUMN, box.gradTop));
  }
  if (card.kind === 'ghost') {
    root.append('text').attr('class', 'gw-note').attr('x', PAD + LABEL_COLUMN).attr('y', box.gradTop + 13).text(noteOf(card));
  }
  root.append('g').attr('class', 'gw-foot');
  return undefined;
}

/** @param {import('d3').Selection<SVGGElement, any, any, any>} root @param {Card} card @param {Box} box */
function header(root, card, box) {
  let left = PAD;
  const pill = pillOf(card);
  if (pill) {
    const g = root.append('g').attr('class', 'gw-pill').attr('transform', at(PAD, 8));
    g.append('rect').attr('rx', 8).attr('width', box.pill).attr('height', 17);
    g.append('text').attr('x', box.pill / 2).attr('y', 12.5).text(pill);
    left += box.pill + 6;
  }
  root.append('text').attr('class', 'gw-title').attr('x', left).attr('y', 21).text(titleOf(card));
  const engine = root.append('text').attr('class', 'gw-engine').text(engineText(card));
  if (box.twoLines) engine.attr('x', PAD).attr('y', 37);
  else engine.attr('x', box.width - PAD).attr('y', 20.5).attr('text-anchor', 'end');
}

/** @param {import('d3').Selection<SVGGElement, any, any, any>} root @param {import('../model/groups.js').Group} group @param {Box} box */
function buildGroup(root, group, box) {
  for (const depth of [8, 4]) {
    root.append('rect').attr('class', 'gw-box gw-box--under').attr('rx', 10).attr('x', depth).attr('y', depth)
      .attr('width', box.width).attr('height', box.height);
  }
  root.append('rect').attr('class', 'gw-box').attr('rx', 10).attr('width', box.width).attr('height', box.height);
  root.append('text').attr('class', 'gw-title').attr('x', PAD).attr('y', 22).text(clip(group.title, 32));
  const count = group.repeats > 1 ? `×${group.repeats}` : `${group.cards.length} nodes`;
  root.append('text').attr('class', 'gw-count').attr('x', box.width - PAD).attr('y', 22).text(count);
  root.append('text').attr('class', 'gw-engine').attr('x', PAD).attr('y', 42)
    .text(clip(group.detail, Math.floor((box.width - 2 * PAD) / 6)));
  for (const [i, kind] of ['made', 'ran'].entries()) {
    root.append('rect').attr('class', 'gw-track').attr('x', PAD).attr('y', 50 + 5 * i).attr('rx', 1.5)
      .attr('width', box.width - 2 * PAD).attr('height', 3);
    root.append('rect').attr('class', `gw-progress gw-progress--${kind}`).attr('x', PAD).attr('y', 50 + 5 * i).attr('rx', 1.5)
      .attr('width', 0).attr('height', 3);
  }
}

/**
 * How far a closed group has come.
 * @param {SVGGElement} element @param {Drawn} drawn @param {import('../model/progress.js').Progress} progress
 */
export function updateGroup(element, { item, box }, { made, ran, cards, nodes }) {
  const root = select(element);
  const whole = box.width - 2 * PAD;
  root.select('.gw-progress--made').attr('width', (whole * made) / Math.max(1, cards));
  root.select('.gw-progress--ran').attr('width', (whole * ran) / Math.max(1, nodes));
  const engine = nodes > 0 ? `, the engine ran ${ran} of ${nodes}` : '';
  root.attr('aria-label', `${item.group?.title}, closed group of ${cards} nodes, ${made} have run${engine}; Enter opens it`);
}

/**
 * The parts that change with the step.
 * @param {SVGGElement} element @param {Drawn} drawn @param {CardState} state
 * @param {Change | undefined} change @param {number} steps  Arrival of a leaf's .grad, -1: never.
 */
export function updateCard(element, { item, box }, state, change, steps) {
  const card = item.card;
  if (!card) return;
  const root = select(element);
  root.call(write, { 'data-status': state.status }).attr('data-gradient', change?.gradient ?? null);
  const value = /** @type {SVGGElement | null} */ (element.querySelector('.gw-row--value'));
  if (value) drawRow(value, box.shape, state.value, 'value', '');
  const row = /** @type {SVGGElement | null} */ (element.querySelector('.gw-row--grad'));
  if (row && card.kind !== 'ghost') {
    const { shown, empty } = gradientShown(card, state, change, steps);
    drawRow(row, box.shape, shown, 'grad', empty);
    select(row).classed('gw-row--lost', change?.gradient === 'lost')
      .classed('gw-row--partial', state.status === 'receiving')
      .classed('gw-row--fresh', Boolean(state.grad?.changed) && card.kind === 'leaf');
  }
  foot(/** @type {SVGGElement} */ (element.querySelector('.gw-foot')), card, box, state, change);
  root.attr('aria-label', nameOf(card, state));
}

/**
 * @param {Card} card @param {CardState} state @param {Change | undefined} change @param {number} arrival
 * @returns {{shown: Summary | null, empty: string}}
 */
function gradientShown(card, state, change, arrival) {
  if (change?.gradient === 'lost') return { shown: change.gradientBefore, empty: '' };
  if (card.kind === 'leaf') {
    const shown = state.grad?.after ?? null;
    return { shown, empty: shown ? '' : state.grad?.came ? state.absent : waitingText(arrival) };
  }
  if (state.gradient === 'pending') return { shown: null, empty: '' };
  return { shown: state.gradient, empty: state.arrived[1] > 0 && state.gradient === null ? state.absent : '' };
}

/**
 * The last line: how many gradients came, the seed, or what it was before.
 * @param {SVGGElement} element @param {Card} card @param {Box} box
 * @param {CardState} state @param {Change | undefined} change
 */
function foot(element, card, box, state, change) {
  const { text, kind } = footText(card, state, change);
  select(element).call(write, { class: `gw-foot gw-foot--${kind}` }).selectAll('text').data(text && box.footTop > 0 ? [text] : [])
    .join('text').call(write, { x: PAD + LABEL_COLUMN, y: box.footTop + 11 }).call(say, text);
}

/** @param {Card} card @param {CardState} state @param {Change | undefined} change */
function footText(card, state, change) {
  if (change?.gradient === 'lost') {
    const was = card.kind === 'ghost' ? `lost ${formatSummary(change.gradientBefore, 3)}` : 'gradient lost';
    return { text: was, kind: 'whatif' };
  }
  if (change?.gradient === 'changed') return { text: `before ${formatSummary(change.gradientBefore, 3)}`, kind: 'whatif' };
  if (change?.gradient === 'gained') return { text: 'before None', kind: 'whatif' };
  const [n, of] = state.arrived;
  if (of > 1) return { text: `${n} of ${of} came`, kind: n === 0 ? 'none' : n < of ? 'partial' : 'whole' };
  if (card.root) return { text: n > 0 ? 'root, seeded' : 'root', kind: n > 0 ? 'whole' : 'none' };
  return { text: '', kind: 'none' };
}

/**
 * Does a card need a last line, at any step?
 * @param {Card} card @param {import('../model/types.js').Model} model @param {Change | undefined} change
 */
export function needsFoot(card, model, change) {
  if (change && ['lost', 'changed', 'gained'].includes(change.gradient)) return true;
  if (card.root) return true;
  return model.history.flows.get(card.id)?.some((flow) => flow.of > 1) ?? false;
}

/** What a screen reader says. @param {Card} card @param {CardState} state */
function nameOf(card, state) {
  const parts = [card.title, engineText(card)];
  if (card.names.length > 0 && card.names[0] !== card.title) parts.push(`named ${card.names.join(', ')}`);
  if (hasValueRow(card)) parts.push(state.value ? `value ${formatSummary(state.value, 6)}` : 'no value yet');
  if (card.kind === 'leaf') parts.push(`.grad ${formatSummary(state.grad?.after, 6)}`);
  else if (card.kind === 'op') {
    parts.push(state.gradient === 'pending' ? 'gradient not here yet' : `gradient ${formatSummary(state.gradient, 6)}`);
  } else if (card.kind === 'ghost') parts.push(noteOf(card));
  return parts.join(', ');
}

/** @param {number} x @param {number} y */
export function at(x, y) {
  return `translate(${x},${y})`;
}
