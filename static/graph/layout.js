/**
 * Asks the worker for a layout.  A newer question ends the worker that is
 * still busy with an older one, so the page never waits for a stale picture.
 *
 * @typedef {object} LayoutRequest
 * @property {{id: string, width: number, height: number, parent: string | null}[]} items
 * @property {{id: string, parent: string | null, width: number}[]} groups  Open ones, outer before inner; width: of the heading.
 * @property {{id: string, source: string, target: string, label: [number, number] | null}[]} links
 * @property {'TB' | 'LR'} direction
 *
 * @typedef {object} Layout
 * @property {Map<string, {x: number, y: number}>} positions  Centres.
 * @property {Map<string, {control: number[], label: [number, number] | null}>} routes
 *   Béziers from producer to consumer, and the middle of the label.
 * @property {Map<string, {x: number, y: number, width: number, height: number}>} groups  Centres and sizes.
 * @property {number} width
 * @property {number} height
 *
 * @typedef {object} LayoutAnswer  As it crosses from the worker.
 * @property {number} ticket
 * @property {Float64Array} [centres]  x, y for each item.
 * @property {Float64Array} [boxes]  x, y, width, height for each group.
 * @property {Float64Array} [control]  All routes' points, one after the other.
 * @property {Int32Array} [offsets]  Where each route starts; one more at the end.
 * @property {Float64Array} [labels]  x, y for each link; NaN without.
 * @property {number} [width]
 * @property {number} [height]
 * @property {string} [error]
 */

export class LayoutClient {
  constructor() {
    /** @type {Worker | null} */
    this.worker = null;
    this.ticket = 0;
    /** @type {{ticket: number, request: LayoutRequest, resolve: (layout: Layout | null) => void, reject: (error: Error) => void} | null} */
    this.waiting = null;
    this.start();
  }

  start() {
    const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
    worker.onmessage = (event) => this.answered(event.data);
    worker.onerror = (event) => this.failed(new Error(event.message || 'the layout worker failed'));
    this.worker = worker;
  }

  /**
   * @param {LayoutRequest} request
   * @returns {Promise<Layout | null>}  null: a newer question came.
   */
  layout(request) {
    if (this.waiting) {
      this.waiting.resolve(null);
      this.waiting = null;
      this.worker?.terminate();
      this.start();
    }
    const ticket = ++this.ticket;
    return new Promise((resolve, reject) => {
      this.waiting = { ticket, request, resolve, reject };
      this.worker?.postMessage({ ticket, ...request });
    });
  }

  /** @param {LayoutAnswer} answer */
  answered(answer) {
    const waiting = this.waiting;
    if (!waiting || answer.ticket !== waiting.ticket) return;
    this.waiting = null;
    if (answer.error) waiting.reject(new Error(answer.error));
    else waiting.resolve(unpack(waiting.request, answer));
  }

  /** @param {Error} error */
  failed(error) {
    this.waiting?.reject(error);
    this.waiting = null;
  }

  destroy() {
    this.waiting?.resolve(null);
    this.waiting = null;
    this.worker?.terminate();
  }
}

/** @param {LayoutRequest} request @param {LayoutAnswer} answer @returns {Layout} */
function unpack(request, answer) {
  const centres = answer.centres ?? new Float64Array();
  const control = answer.control ?? new Float64Array();
  const offsets = answer.offsets ?? new Int32Array(request.links.length + 1);
  const labels = answer.labels ?? new Float64Array();
  const positions = new Map(request.items.map((item, i) => [item.id, { x: centres[2 * i], y: centres[2 * i + 1] }]));
  const boxes = answer.boxes ?? new Float64Array();
  const groups = new Map(request.groups.map((group, i) => {
    const [x, y, width, height] = boxes.subarray(4 * i, 4 * i + 4);
    return [group.id, { x, y, width, height }];
  }));
  const routes = new Map(request.links.map((link, i) => {
    const x = labels[2 * i];
    /** @type {[number, number] | null} */
    const label = Number.isFinite(x) ? [x, labels[2 * i + 1]] : null;
    return [link.id, { control: Array.from(control.subarray(offsets[i], offsets[i + 1])), label }];
  }));
  return { positions, routes, groups, width: answer.width ?? 0, height: answer.height ?? 0 };
}
