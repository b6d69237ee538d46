/**
 * Draws links: a thin blue line forwards, an orange arrow backwards whose
 * width tells the gradient's norm, and the numbers beside it.
 *
 * @typedef {import('../model/scene.js').Link} Link
 * @typedef {import('../model/types.js').State} State
 * @typedef {import('../model/types.js').ModelEdge} ModelEdge
 * @typedef {import('../model/types.js').Summary} Summary
 *
 * @typedef {object} DrawnLink
 * @property {Link} link
 * @property {number[]} control  Its Béziers.
 * @property {number[]} points  On them, from producer to consumer.
 * @property {[number, number] | null} label  Middle of its numbers.
 * @property {(dx: number, dy: number) => void} move
 * @property {boolean} stub  Too long among too many: only its end at the reader is drawn.
 * @property {string} sourceTitle
 * @property {{state: 'pending' | 'active' | 'done', gradient: Summary | null, edge: ModelEdge | null, sent: number}} now
 */
import { select } from 'd3';
import { formatNumber, formatSummary, toNumber } from '../model/numbers.js';
import { headOf, lastPart, pathOf, pointAt, reversed, shift, shorten } from './geometry.js';
import { textWidth } from './measure.js';
import { say, write } from './write.js';

/** Half the distance between a forward line and its gradient arrow. */
const ASIDE = 4;
const LABEL_HEIGHT = 18;
const STUB = 44;
/** A line that stands for more gradients says how many were sent. */
export const MANY = 24;

/** @param {Summary | null} gradient @param {string} [absent] */
export function labelOf(gradient, absent = 'None') {
  return gradient ? formatSummary(gradient, 4).replace(/^.* · norm /, '‖·‖ ') : absent;
}

/**
 * Room for a link's numbers; null where it never carries any.
 * @param {Link} link @returns {[number, number] | null}
 */
export function labelSize(link) {
  if (link.gradients.length === 0) return null;
  if (link.gradients.length > MANY) return [60, LABEL_HEIGHT];
  const widths = link.gradients.map((edge) => {
    const label = labelOf(edge.gradient, edge.absent);
    // Room for what the same numbers may become when an input is dragged.
    const count = label.split(' ').length;
    return Math.max(textWidth(label, 'cell'), textWidth('-0.000 '.repeat(count).trim(), 'cell'));
  });
  return [Math.max(...widths) + 14, LABEL_HEIGHT];
}

/**
 * What a link shows at a step: the latest backward call that used it.
 * @param {Link} link @param {State} state
 * @returns {DrawnLink['now']}
 */
export function linkNow(link, state) {
  if (link.gradients.length > MANY) {
    const { sent, last } = state.sends(link.gradients);
    if (!last) return { state: 'pending', gradient: null, edge: null, sent: 0 };
    return { state: last.step === state.step ? 'active' : 'done', gradient: last.gradient, edge: last.edge, sent };
  }
  /** @type {DrawnLink['now']} */
  let now = { state: 'pending', gradient: null, edge: null, sent: 0 };
  for (const edge of link.gradients) {
    const { state: is, gradient } = state.edge(edge.id);
    if (is === 'pending') {
      if (edge.graph === state.graph && now.state === 'done' && link.gradients.length < 3) {
        now = { ...now, state: 'pending', edge, gradient: null };
      }
      continue;
    }
    const sent = now.sent + 1;
    now = now.state === 'active' && is === 'done' ? { ...now, sent } : { state: is, gradient, edge, sent };
  }
  return now;
}

/** Stroke width for a norm. @param {Summary | null} gradient @param {number} largest */
function widthOf(gradient, largest) {
  const norm = Math.abs(toNumber(gradient?.norm ?? 0));
  if (!Number.isFinite(norm)) return 6;
  if (norm === 0 || largest === 0) return 1.2;
  return 1.25 + 2.75 * (Math.log1p((norm / largest) * 200) / Math.log1p(200));
}

/** @param {number[]} points @param {Link} link */
export function gradientPoints(points, link) {
  return reversed(shift(points, link.recorded ? -ASIDE : 0));
}

/** @param {number[]} points @param {Link} link */
function forwardPoints(points, link) {
  return link.gradients.length > 0 ? shift(points, ASIDE) : points;
}

/** The parts that stay. @param {SVGGElement} element @param {DrawnLink} drawn */
export function buildLink(element, { link }) {
  const root = select(element);
  root.selectAll('*').remove();
  root.append('title');
  root.append('path').attr('class', 'gw-hit');
  root.append('text').attr('class', 'gw-stub');
  root.append('path').attr('class', 'gw-forward');
  root.append('path').attr('class', 'gw-forward-head');
  if (link.gradients.length > 0) {
    root.append('path').attr('class', 'gw-gradient').attr('pathLength', 1);
    root.append('path').attr('class', 'gw-gradient-head');
  }
  if (link.cut) {
    const scissors = root.append('g').attr('class', 'gw-scissors');
    scissors.append('circle').attr('r', 10);
    scissors.append('path').attr('d', 'M-5,-4a2,2 0 1 0 .01,0M-5,4a2,2 0 1 0 .01,0M-3.4,-2.8L5.5,4.2M-3.4,2.8L5.5,-4.2').attr('transform', 'rotate(-90)');
  }
}

/** @param {SVGGElement} element @param {DrawnLink} drawn @param {number} largest @param {boolean} forwardActive */
export function updateLink(element, drawn, largest, forwardActive) {
  const { link, now } = drawn;
  const points = drawn.stub ? lastPart(drawn.points, STUB) : drawn.points;
  const root = select(element);
  const kind = link.severed ? 'severed' : link.recorded ? 'recorded' : 'loose';
  root.attr('class', `gw-link gw-link--${kind} gw-link--${now.state}`).classed('is-forward-active', forwardActive);
  const forward = forwardPoints(points, link);
  root.select('.gw-hit').call(write, { d: pathOf(points) });
  root.select('.gw-forward').call(write, { d: pathOf(shorten(forward, 5)) });
  root.select('.gw-forward-head').call(write, { d: headOf(forward, 7) });
  if (link.gradients.length > 0) {
    const width = widthOf(now.gradient, largest);
    const head = 7 + width * 1.6;
    const back = gradientPoints(points, link);
    const shown = now.state !== 'pending';
    root.select('.gw-gradient').call(write, { d: shown ? pathOf(shorten(back, head - 1)) : '' }).style('stroke-width', `${width}px`)
      .classed('is-none', shown && now.gradient === null);
    root.select('.gw-gradient-head').call(write, { d: shown && now.gradient ? headOf(back, head) : '' });
  }
  const [x, y] = drawn.stub ? points : [0, 0];
  root.select('.gw-stub').call(write, { x: x + 6, y: y + 8 }).call(say, drawn.stub ? drawn.sourceTitle : '');
  if (link.cut) {
    const { x, y } = pointAt(points, 0.5);
    root.select('.gw-scissors').call(write, { transform: `translate(${x},${y})` });
  }
}

/** @param {SVGGElement} element @param {DrawnLink} drawn */
export function updateLabel(element, drawn) {
  const { label, now, link } = drawn;
  const root = select(element);
  const visible = label !== null && now.state !== 'pending';
  root.attr('class', `gw-edge-label gw-edge-label--${now.state}`).style('display', visible ? '' : 'none');
  if (!visible || !label) return;
  const text = link.gradients.length > MANY ? `${now.sent} sent` : labelOf(now.gradient, now.edge?.absent);
  const width = textWidth(text, 'cell') + 10;
  root.call(write, { transform: `translate(${label[0]},${label[1]})` });
  root.select('rect').call(write, { x: -width / 2, y: -LABEL_HEIGHT / 2, width, height: LABEL_HEIGHT });
  root.select('text').call(write, { y: 3.8 }).call(say, text);
}

/** @param {DrawnLink} drawn */
export function nameOfLink({ link, now }) {
  if (link.severed) return link.cut ? 'cut here: no gradient flows back through this use now' : 'severed: no gradient flows here now, it is cut further up';
  if (now.gradient) return `gradient ${formatSummary(now.gradient, 6)}, norm ${formatNumber(now.gradient.norm)}`;
  return link.recorded ? 'forward edge' : 'not recorded by autograd';
}
