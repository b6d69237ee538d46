/**
 * The layout worker: Graphviz for what a person reads at once, a layered
 * layout of our own for more.
 *
 * @typedef {import('./layout.js').LayoutRequest} LayoutRequest
 * @typedef {import('./layout.js').LayoutAnswer} LayoutAnswer
 */
import { dotLayout } from './dot.js';
import { layeredLayout } from './layered.js';

/** Above this many boxes and lines together Graphviz takes too long. */
const DOT_LIMIT = 900;
/** And its spline router is slow on many lines alone. */
const DOT_ITEMS = 500;

/** @param {MessageEvent<{ticket: number} & LayoutRequest>} event */
self.onmessage = async (event) => {
  const { ticket, ...request } = event.data;
  try {
    const answer = await layout(request);
    self.postMessage({ ticket, ...answer });
  } catch (error) {
    self.postMessage({ ticket, error: error instanceof Error ? error.message : String(error) });
  }
};

/** @param {LayoutRequest} request @returns {Promise<Omit<LayoutAnswer, 'ticket'>>} */
async function layout(request) {
  const { items, links } = request;
  if (items.length > DOT_ITEMS || items.length + links.length > DOT_LIMIT) return layeredLayout(request);
  try {
    return await dotLayout(request);
  } catch {
    return layeredLayout(request);
  }
}
