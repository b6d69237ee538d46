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
import { say, write } from './write.js';

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
  if (shape.kind === 'raster' && summary) {
    row.selectAll('.gw-none, .gw-cell').remove();
    drawRaster(row, shape, summary, kind);
    return;
  }
  row.selectAll('*').remove();
  if (summary) words(row, summary, 0, true);
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
    .call(write, {
      transform: (_, i) => {
        const x = (i % shape.columns) * shape.cellWidth;
        const y = Math.floor(i / shape.columns) * shape.cellHeight;
        return `translate(${x},${y + 1})`;
      },
      class: (value) => `gw-cell gw-cell--${kind} ${summary ? heatClass(value) : 'gw-cell--empty'}`,
    })
    .select('text')
    .call(say, (value) => (summary ? formatNumber(value, summary.dtype) : ''));
}

/**
 * One path for each colour, not a rectangle for each number.
 * @param {import('d3').Selection<SVGGElement, any, any, any>} row @param {RowShape} shape
 * @param {Summary} summary @param {'value' | 'grad'} kind
 */
function drawRaster(row, shape, summary, kind) {
  const g = part(row, 'gw-raster').call(write, { transform: 'translate(0,1)' });
  /** @type {Map<string, string>} */
  const paths = new Map();
  raster(summary, shape.rows, shape.columns).forEach((line, i) => line.forEach((value, j) => {
    const name = heatClass(value);
    const [w, h] = [shape.cellWidth, shape.cellHeight];
    paths.set(name, `${paths.get(name) ?? ''}M${j * w},${i * h}h${w}v${h}h${-w}z`);
  }));
  g.selectAll('path').data([...paths], (one) => /** @type {[string, string]} */ (one)[0]).join('path').call(write, { class: ([name]) => `gw-cell--${kind} ${name}`, d: ([, d]) => d });
  words(row, summary, shape.columns * shape.cellWidth + 8, false);
}

/**
 * @param {import('d3').Selection<SVGGElement, any, any, any>} row
 * @param {Summary} summary @param {number} x @param {boolean} oneLine
 */
function words(row, summary, x, oneLine) {
  const norm = `‖·‖ ${formatNumber(summary.norm)}`;
  const shape = formatShape(summary.shape);
  /** @type {[number, string][]} */
  const lines = oneLine ? [[13, `${shape}  ${norm}`]] : [[11, shape], [25, norm]];
  part(row, 'gw-words').selectAll('text').data(lines).join('text').call(write, { x, y: ([y]) => y }).call(say, ([, text]) => text);
}

/**
 * The part of a row with this name: in a drag it is there already.
 * @param {import('d3').Selection<SVGGElement, any, any, any>} row @param {string} name
 * @returns {import('d3').Selection<any, any, any, any>}
 */
function part(row, name) {
  const there = row.select(`.${name}`);
  return there.empty() ? row.append('g').attr('class', name) : there;
}
