/**
 * One row of numbers: heat cells while they are few, a small heat map with
 * shape and norm when they are many.
 *
 * @typedef {import('../model/types.js').Summary} Summary
 * @typedef {import('./measure.js').RowShape} RowShape
 */
import { select } from 'd3';
import { heatClass, raster } from '../model/heat.js';
import { flatten, formatNumber, formatShape } from '../model/numbers.js';

/**
 * @param {SVGGElement} element @param {RowShape} shape @param {Summary | null} summary
 * @param {'value' | 'grad'} kind @param {string} empty  Text where there is nothing to show.
 */
export function drawRow(element, shape, summary, kind, empty) {
  const row = select(element);
  row.classed('gw-row--empty', !summary);
  if (!summary && empty) {
    row.selectAll('*').remove();
    row.append('text').attr('class', 'gw-none').attr('x', 0).attr('y', 13).text(empty);
    return;
  }
  const numbers = flatten(summary);
  if (shape.kind === 'cells' && (!summary || numbers?.length === shape.rows * shape.columns)) {
    cells(row, shape, summary, numbers, kind);
    return;
  }
  row.selectAll('*').remove();
  if (shape.kind === 'raster' && summary) drawRaster(row, shape, summary, kind);
  else if (summary) words(row, summary, 0, true);
  else row.append('text').attr('class', 'gw-none').attr('x', 0).attr('y', 13).text('·');
}

/**
 * @param {import('d3').Selection<SVGGElement, any, any, any>} row @param {RowShape} shape
 * @param {Summary | null} summary @param {any[] | null} numbers @param {'value' | 'grad'} kind
 */
function cells(row, shape, summary, numbers, kind) {
  row.selectAll('.gw-none, .gw-raster, .gw-words').remove();
  const data = Array.from({ length: shape.rows * shape.columns }, (_, i) => (numbers ? numbers[i] : null));
  row.selectAll('g.gw-cell').data(data).join((enter) => {
    const cell = enter.append('g');
    cell.append('rect').attr('rx', 3).attr('width', shape.cellWidth - 2).attr('height', shape.cellHeight - 2);
    cell.append('text').attr('x', (shape.cellWidth - 2) / 2).attr('y', shape.cellHeight / 2 + 2.8);
    return cell;
  })
    .attr('transform', (_, i) => {
      const x = (i % shape.columns) * shape.cellWidth;
      const y = Math.floor(i / shape.columns) * shape.cellHeight;
      return `translate(${x},${y + 1})`;
    })
    .attr('class', (value) => `gw-cell gw-cell--${kind} ${summary ? heatClass(value) : 'gw-cell--empty'}`)
    .select('text')
    .text((value) => (summary ? formatNumber(value, summary.dtype) : ''));
}

/**
 * One path for each colour, not a rectangle for each number.
 * @param {import('d3').Selection<SVGGElement, any, any, any>} row @param {RowShape} shape
 * @param {Summary} summary @param {'value' | 'grad'} kind
 */
function drawRaster(row, shape, summary, kind) {
  const g = row.append('g').attr('class', 'gw-raster').attr('transform', 'translate(0,1)');
  /** @type {Map<string, string>} */
  const paths = new Map();
  raster(summary, shape.rows, shape.columns).forEach((line, i) => line.forEach((value, j) => {
    const name = heatClass(value);
    const [w, h] = [shape.cellWidth, shape.cellHeight];
    paths.set(name, `${paths.get(name) ?? ''}M${j * w},${i * h}h${w}v${h}h${-w}z`);
  }));
  for (const [name, d] of paths) g.append('path').attr('class', `gw-cell--${kind} ${name}`).attr('d', d);
  words(row, summary, shape.columns * shape.cellWidth + 8, false);
}

/**
 * @param {import('d3').Selection<SVGGElement, any, any, any>} row
 * @param {Summary} summary @param {number} x @param {boolean} oneLine
 */
function words(row, summary, x, oneLine) {
  const g = row.append('g').attr('class', 'gw-words');
  const norm = `‖·‖ ${formatNumber(summary.norm)}`;
  if (oneLine) {
    g.append('text').attr('x', x).attr('y', 13).text(`${formatShape(summary.shape)}  ${norm}`);
    return;
  }
  g.append('text').attr('x', x).attr('y', 11).text(formatShape(summary.shape));
  g.append('text').attr('x', x).attr('y', 25).text(norm);
}
