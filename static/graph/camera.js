/**
 * The camera: zoom, pan, fit; by wheel, drag, pinch and keys.
 */
import { select, zoom, zoomIdentity, zoomTransform } from 'd3';
import { ease, motionAllowed, tween } from './motion.js';

export const MARGIN = { top: 20, right: 24, bottom: 20, left: 24 };
const CLOSEST = 4;
/** Not closer than this when fitting. */
const FIT_MOST = 1.12;
const PAN = 60;

/** @typedef {{x: number, y: number, width: number, height: number}} Rect */
/** @typedef {{k: number, x: number, y: number}} View */

export class Camera {
  /**
   * @param {SVGSVGElement} svg
   * @param {(view: View) => void} onView
   */
  constructor(svg, onView) {
    this.svg = svg;
    this.stop = () => {};
    /** Height of what lies over the upper edge. */
    this.top = MARGIN.top;
    /** The reader moved it; a new layout then leaves it alone. */
    this.touched = false;
    /** @type {{width: number, height: number} | null} Asking the document lays it out. */
    this.known = null;
    this.zoom = /** @type {import('d3').ZoomBehavior<SVGSVGElement, unknown>} */ (zoom())
      .scaleExtent([0.0005, CLOSEST])
      .extent(() => [[0, 0], [this.size.width, this.size.height]])
      .on('zoom', (event) => {
        if (event.sourceEvent) this.touched = true;
        onView(event.transform);
      });
    select(svg).call(this.zoom).on('dblclick.zoom', null);
  }

  /** @returns {View} */
  get view() {
    return zoomTransform(this.svg);
  }

  /** Size of the window on the picture, px. */
  get size() {
    this.known ??= { width: this.svg.clientWidth || 800, height: this.svg.clientHeight || 600 };
    return this.known;
  }

  /** The window has another size now. */
  resized() {
    this.known = null;
  }

  /** @param {View} view @param {number} [duration] */
  go(view, duration = 0) {
    this.stop();
    const from = this.view;
    const to = (/** @type {number} */ t) => {
      const s = ease(t);
      const k = from.k * (view.k / from.k) ** s;
      // Interpolate what the middle of the window looks at, not the raw shift.
      const { width, height } = this.size;
      const [cx, cy] = [width / 2, height / 2];
      const mix = (/** @type {number} */ a, /** @type {number} */ b) => a + (b - a) * s;
      const lookX = mix((cx - from.x) / from.k, (cx - view.x) / view.k);
      const lookY = mix((cy - from.y) / from.k, (cy - view.y) / view.k);
      this.set({ k, x: cx - lookX * k, y: cy - lookY * k });
    };
    if (duration <= 0 || !motionAllowed()) this.set(view);
    else this.stop = tween(duration, to, () => this.set(view));
  }

  /** @param {View} view */
  set({ k, x, y }) {
    select(this.svg).call(this.zoom.transform, zoomIdentity.translate(x, y).scale(k));
  }

  /** Width and height within the margins, px. @returns {[number, number]} */
  get room() {
    const { width, height } = this.size;
    return [Math.max(50, width - MARGIN.left - MARGIN.right), Math.max(50, height - this.top - MARGIN.bottom)];
  }

  /** The scale at which all of a rectangle is in sight. @param {Rect} rect */
  whole({ width, height }) {
    const [roomX, roomY] = this.room;
    return Math.min(FIT_MOST, roomX / Math.max(1, width), roomY / Math.max(1, height));
  }

  /**
   * The view that shows a rectangle; where that would be too small to be read,
   * the view of what matters in it, at a scale that can be.  What is in focus
   * is in sight then; in the middle is `middle`, as far as that leaves room.
   * @param {Rect} rect @param {{readable?: number, focus?: Rect | null, middle?: {x: number, y: number}}} [options] @returns {View}
   */
  viewOf(rect, { readable = 0, focus = null, middle } = {}) {
    const [roomX, roomY] = this.room;
    const k = Math.max(this.whole(rect), readable);
    /** Where the picture's origin goes, along one axis: a range of `size` from `from`, in it one of `part` from `at`. */
    const place = (/** @type {number} */ start, /** @type {number} */ room, /** @type {number} */ from, /** @type {number} */ size, /** @type {number} */ at, /** @type {number} */ part, /** @type {number} */ centre) => {
      const spare = room - size * k;
      if (spare >= 0) return start + spare / 2 - from * k;
      const wanted = start + room / 2 - (part * k > room ? at + part / 2 : centre) * k;
      const seen = part * k > room ? wanted : Math.max(start - at * k, Math.min(start + room - (at + part) * k, wanted));
      // No more of the outside than needed.
      return Math.min(start - from * k, Math.max(start + room - (from + size) * k, seen));
    };
    const { x, y, width: across, height: along } = focus ?? { x: rect.x + rect.width / 2, y: rect.y, width: 0, height: 0 };
    return {
      k,
      x: place(MARGIN.left, roomX, rect.x, rect.width, x, across, middle?.x ?? x + across / 2),
      y: place(this.top, roomY, rect.y, rect.height, y, along, middle?.y ?? y + along / 2),
    };
  }

  /** @param {number} factor */
  scaleBy(factor) {
    const { k, x, y } = this.view;
    const { width, height } = this.size;
    const next = Math.min(CLOSEST, k * factor);
    const [cx, cy] = [width / 2, height / 2];
    this.touched = true;
    this.go({ k: next, x: cx - ((cx - x) / k) * next, y: cy - ((cy - y) / k) * next }, 160);
  }

  /** @param {number} dx @param {number} dy  In screens' tens of px. */
  pan(dx, dy) {
    const { k, x, y } = this.view;
    this.touched = true;
    this.go({ k, x: x - dx * PAN, y: y - dy * PAN }, 120);
  }

  /** Move as little as needed to have a rectangle in sight. @param {Rect} rect @param {number} [duration] */
  show(rect, duration = 260) {
    const { k, x, y } = this.view;
    const { width, height } = this.size;
    if (k < 0.5) {
      const scale = 0.9;
      this.go({ k: scale, x: width / 2 - (rect.x + rect.width / 2) * scale, y: height / 2 - (rect.y + rect.height / 2) * scale }, duration);
      return;
    }
    const nudge = (/** @type {number} */ from, /** @type {number} */ to, /** @type {number} */ low, /** @type {number} */ high) =>
      from < low ? low - from : to > high ? high - to : 0;
    const dx = nudge(rect.x * k + x, (rect.x + rect.width) * k + x, MARGIN.left, width - MARGIN.right);
    const dy = nudge(rect.y * k + y, (rect.y + rect.height) * k + y, this.top, height - MARGIN.bottom);
    if (dx || dy) this.go({ k, x: x + dx, y: y + dy }, duration);
  }
}
