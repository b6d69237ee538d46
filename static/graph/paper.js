/**
 * Printing: paper has another size than the window, and nobody moves the
 * camera there.  What the window is about is fitted into what the sheet gives.
 *
 * @typedef {import('./picture.js').Picture} Picture
 */

/** Around the picture, px of the window. */
const EDGE = 12;

/** @param {Picture} picture @returns {() => void}  Stop listening. */
export function printable(picture) {
  const { svg } = picture;
  const begin = () => {
    const { x, y, width, height } = frameOf(picture);
    svg.setAttribute('viewBox', [x - EDGE, y - EDGE, width + 2 * EDGE, height + 2 * EDGE].join(' '));
    picture.printing = true;
  };
  const end = () => {
    svg.removeAttribute('viewBox');
    picture.printing = false;
    picture.resized();
  };
  addEventListener('beforeprint', begin);
  addEventListener('afterprint', end);
  return () => {
    removeEventListener('beforeprint', begin);
    removeEventListener('afterprint', end);
  };
}

/** All of it; of a big picture what is in sight, as the rest is not in the document. @param {Picture} picture */
function frameOf({ arrangement, camera, detail }) {
  const { width, height } = camera.size;
  if (!arrangement || detail.viewport) return { x: 0, y: 0, width, height };
  const { bounds } = arrangement;
  const { k, x, y } = camera.view;
  return { x: bounds.x * k + x, y: bounds.y * k + y, width: bounds.width * k, height: bounds.height * k };
}
