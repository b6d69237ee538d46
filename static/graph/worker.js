/**
 * The layout worker.
 *
 * @typedef {import('./layout.js').LayoutRequest} LayoutRequest
 */
import { compoundLayout } from './compound.js';

/** @param {MessageEvent<{ticket: number} & LayoutRequest>} event */
self.onmessage = async (event) => {
  const { ticket, ...request } = event.data;
  try {
    const answer = await compoundLayout(request);
    self.postMessage({ ticket, ...answer });
  } catch (error) {
    self.postMessage({ ticket, error: error instanceof Error ? error.message : String(error) });
  }
};
