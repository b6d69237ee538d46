/**
 * Pulses: what an op reads, or what the engine sends, on its way.
 *
 * @typedef {import('./links.js').DrawnLink} DrawnLink
 */
import { select } from 'd3';
import { pathOf, pointAt, shorten } from './geometry.js';
import { gradientPoints } from './links.js';
import { ease } from './motion.js';

/** More than this at once is noise. */
export const MOST_PULSES = 60;

/**
 * @typedef {object} Pulse
 * @property {DrawnLink} drawn
 * @property {'forward' | 'gradient'} kind
 * @property {number[]} points  Along its way.
 * @property {SVGGElement | null} line  The link's element.
 * @property {SVGGElement | null} label
 */

/** @param {DrawnLink} drawn @param {'forward' | 'gradient'} kind @param {SVGGElement | null} line @param {SVGGElement | null} label @returns {Pulse} */
export function makePulse(drawn, kind, line, label) {
  const points = kind === 'gradient' ? gradientPoints(drawn.points, drawn.link) : drawn.points;
  return { drawn, kind, points: shorten(points, 4), line, label };
}

/**
 * Draw all pulses at a moment.
 * @param {SVGGElement} layer @param {Pulse[]} pulses @param {number} t  0..1
 */
export function drawPulses(layer, pulses, t) {
  const way = ease(t);
  select(layer).selectAll('g.gw-pulse').data(pulses).join((enter) => {
    const g = enter.append('g');
    g.append('circle').attr('class', 'gw-pulse__glow').attr('r', 11);
    g.append('circle').attr('class', 'gw-pulse__core').attr('r', 5.5);
    return g;
  }).attr('class', (pulse) => `gw-pulse gw-pulse--${pulse.kind}`)
    .attr('transform', (pulse) => {
      const { x, y } = pointAt(pulse.points, way);
      return `translate(${x},${y})`;
    });
  for (const pulse of pulses) {
    if (pulse.kind !== 'gradient') continue;
    grow(pulse, way);
    carry(pulse, way);
  }
}

/** The arrow grows behind its pulse. @param {Pulse} pulse @param {number} way */
function grow({ line, points }, way) {
  if (!line) return;
  const growing = way < 1;
  const path = select(line).select('.gw-gradient');
  if (!path.attr('d')) path.attr('d', pathOf(points));
  path.style('stroke-dasharray', growing ? `${way} 1` : 'none');
  select(line).select('.gw-gradient-head').style('opacity', growing ? '0' : '');
}

/** Its numbers come along and stay at their place. @param {Pulse} pulse @param {number} way */
function carry({ label, drawn, points }, way) {
  if (!label || !drawn.label) return;
  const rest = pointAt(points, 0.5);
  const at = pointAt(points, Math.min(0.5, way));
  const [x, y] = [drawn.label[0] + at.x - rest.x, drawn.label[1] + at.y - rest.y];
  const [px, py] = way >= 0.5 ? drawn.label : [x, y];
  select(label).attr('transform', `translate(${px},${py})`).style('opacity', Math.min(1, way * 4));
}

/** @param {SVGGElement} layer @param {Pulse[]} pulses */
export function clearPulses(layer, pulses) {
  select(layer).selectAll('*').remove();
  for (const { line, label } of pulses) {
    if (line) {
      select(line).select('.gw-gradient').style('stroke-dasharray', null);
      select(line).select('.gw-gradient-head').style('opacity', null);
    }
    if (label) select(label).style('opacity', null);
  }
}
