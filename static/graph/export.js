/**
 * The picture as a standalone SVG: the same elements, with the colours they
 * have now written into them.
 *
 * @typedef {import('./arrange.js').Arrangement} Arrangement
 */

const PROPERTIES = [
  'fill', 'stroke', 'stroke-width', 'stroke-dasharray', 'stroke-linecap', 'stroke-linejoin', 'opacity',
  'font-family', 'font-size', 'font-weight', 'text-anchor', 'text-decoration-line',
];
const MARGIN = 24;

/** @param {SVGSVGElement} svg @param {Arrangement} arrangement */
export function exportPicture(svg, arrangement) {
  const world = svg.querySelector('.gw-world');
  const { x, y, width, height } = whole(arrangement.bounds, world?.querySelector(':scope > .gw-labels') ?? null);
  const copy = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  copy.setAttribute('viewBox', `${x - MARGIN} ${y - MARGIN} ${width + 2 * MARGIN} ${height + 2 * MARGIN}`);
  copy.setAttribute('width', String(Math.round(width + 2 * MARGIN)));
  copy.setAttribute('height', String(Math.round(height + 2 * MARGIN)));
  const ground = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
  for (const [name, value] of Object.entries({ x: x - MARGIN, y: y - MARGIN, width: width + 2 * MARGIN, height: height + 2 * MARGIN })) {
    ground.setAttribute(name, String(value));
  }
  ground.setAttribute('fill', getComputedStyle(svg).backgroundColor || 'none');
  copy.append(ground);
  const patterns = svg.querySelector('defs');
  if (patterns) copy.append(copyStyled(patterns, true) ?? '');
  for (const layer of world?.querySelectorAll(':scope > .gw-links, :scope > .gw-cards, :scope > .gw-labels') ?? []) {
    const clone = copyStyled(layer);
    if (clone) copy.append(clone);
  }
  return new XMLSerializer().serializeToString(copy);
}

/**
 * Cards and, beside them, the numbers on the edges.
 * @param {{x: number, y: number, width: number, height: number}} cards @param {Element | null} labels
 */
function whole(cards, labels) {
  const box = labels instanceof SVGGraphicsElement ? labels.getBBox() : null;
  if (!box || box.width === 0) return cards;
  const [x, y] = [Math.min(cards.x, box.x), Math.min(cards.y, box.y)];
  return { x, y, width: Math.max(cards.x + cards.width, box.x + box.width) - x, height: Math.max(cards.y + cards.height, box.y + box.height) - y };
}

/** @param {Element} element @param {boolean} [unseen]  Copy what is only referred to. @returns {Element | null} null: it is not seen. */
function copyStyled(element, unseen = false) {
  const style = getComputedStyle(element);
  if ((!unseen && style.display === 'none') || element.classList.contains('gw-hit') || element.classList.contains('gw-halo')) return null;
  const clone = /** @type {Element} */ (element.cloneNode(false));
  for (const name of ['class', 'style', 'tabindex', 'role', 'aria-pressed']) clone.removeAttribute(name);
  for (const { name } of [...clone.attributes]) if (name.startsWith('data-')) clone.removeAttribute(name);
  if (element.childElementCount === 0) {
    for (const property of PROPERTIES) {
      const value = style.getPropertyValue(property);
      if (value && value !== 'none' && value !== 'normal') clone.setAttribute(property, value);
      else if (property === 'fill') clone.setAttribute(property, 'none');
    }
    clone.textContent = element.textContent;
    return clone;
  }
  if (style.opacity !== '1') clone.setAttribute('opacity', style.opacity);
  for (const child of element.children) {
    const copied = copyStyled(child, unseen);
    if (copied) clone.append(copied);
  }
  return clone;
}
