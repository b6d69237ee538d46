/**
 * The picture of a model: cards, links, camera, steps.
 *
 * @typedef {import('./types.js').Graph} Graph
 * @typedef {import('./types.js').GraphHandlers} GraphHandlers
 */
import { Picture } from './picture.js';

/**
 * @param {HTMLElement} element  Filled by the picture; must have a size.
 * @param {GraphHandlers} [handlers]
 * @returns {Graph}
 */
export function createGraph(element, handlers = {}) {
  const picture = new Picture(element, handlers);
  return {
    setModel: (model, options) => picture.setModel(model, options),
    setStep: (step, options) => picture.setStep(step, options),
    select: (ref) => picture.select(ref),
    hover: (ref) => picture.hover(ref),
    setDirection: (direction) => picture.setDirection(direction),
    fit: () => picture.fit(),
    zoomIn: () => picture.camera.scaleBy(1.25),
    zoomOut: () => picture.camera.scaleBy(0.8),
    setExpanded: (open) => picture.setExpanded(open),
    reveal: (ref) => picture.reveal(ref),
    exportSVG: () => picture.exportSVG(),
    destroy: () => picture.destroy(),
  };
}
