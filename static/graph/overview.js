/**
 * The picture from afar: boxes and lines on a canvas.  It is painted with a
 * margin around the window; moving it only moves that bitmap until the camera
 * rests.
 *
 * @typedef {import('./viewport.js').Viewport} Viewport
 * @typedef {import('./camera.js').View} View
 * @typedef {import('./cards.js').Drawn} Drawn
 * @typedef {import('../model/types.js').State} State
 */
import { clip } from '../model/source.js';
import { linkNow } from './links.js';
import { areaOf } from './viewport.js';

const MARGIN = 0.5;
const REST_MS = 90;
/** From this scale on titles are written, at a size that can be read. */
const TITLES = 0.2;
const TITLE_PX = 10;

const TOKENS = {
  surface: '--gw-surface', line: '--gw-line-strong', ink: '--gw-ink-2', forward: '--gw-forward-edge',
  soft: '--gw-forward-soft', backward: '--gw-backward-edge', warm: '--gw-backward-soft', leaf: '--gw-leaf',
  leafSoft: '--gw-leaf-soft', ghost: '--gw-ghost', focus: '--gw-focus', canvas: '--gw-canvas', future: '--gw-surface-3',
};
/** @typedef {Record<keyof typeof TOKENS, string>} Palette */

export class Overview {
  /** @param {HTMLElement} host */
  constructor(host) {
    this.canvas = document.createElement('canvas');
    this.canvas.className = 'gw-overview';
    this.canvas.setAttribute('aria-hidden', 'true');
    host.prepend(this.canvas);
    this.probe = document.createElement('span');
    this.probe.className = 'gw-probe';
    host.append(this.probe);
    this.bitmap = document.createElement('canvas');
    /** @type {View | null} The view that the bitmap was painted for. */
    this.painted = null;
    this.timer = 0;
    /** @type {{viewport: Viewport, state: State, now: Set<string>, selected: Set<string>} | null} */
    this.content = null;
  }

  /**
   * @param {{viewport: Viewport, state: State, now: Set<string>, selected: Set<string>}} content
   * @param {View} view @param {{width: number, height: number}} size
   */
  show(content, view, size) {
    this.content = content;
    this.canvas.style.display = 'block';
    this.paint(view, size);
  }

  hide() {
    this.content = null;
    this.painted = null;
    clearTimeout(this.timer);
    this.canvas.style.display = 'none';
  }

  /** @param {View} view @param {{width: number, height: number}} size */
  move(view, size) {
    if (!this.painted) return this.paint(view, size);
    this.copy(view, size);
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.paint(view, size), REST_MS);
    return undefined;
  }

  /** Paint the bitmap anew. @param {View} view @param {{width: number, height: number}} size */
  paint(view, size) {
    if (!this.content) return;
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    const [width, height] = [size.width * (1 + 2 * MARGIN), size.height * (1 + 2 * MARGIN)];
    this.bitmap.width = Math.round(width * ratio);
    this.bitmap.height = Math.round(height * ratio);
    const pen = this.bitmap.getContext('2d');
    if (!pen) return;
    const { viewport, state, now, selected } = this.content;
    const area = areaOf(view, size, MARGIN);
    const palette = this.palette();
    const x = view.x + size.width * MARGIN;
    const y = view.y + size.height * MARGIN;
    pen.setTransform(view.k * ratio, 0, 0, view.k * ratio, x * ratio, y * ratio);
    paintGroups(pen, viewport, palette, view.k);
    paintLinks(pen, viewport, area, state, palette, view.k);
    paintCards(pen, viewport.cards(area), state, palette, view.k);
    outline(pen, viewport, now, palette.backward, view.k);
    outline(pen, viewport, selected, palette.focus, view.k);
    if (view.k >= TITLES) {
      pen.setTransform(ratio, 0, 0, ratio, 0, 0);
      titles(pen, viewport.cards(area), palette, { k: view.k, x, y });
    }
    this.painted = { ...view };
    this.copy(view, size);
  }

  /** @param {View} view @param {{width: number, height: number}} size */
  copy(view, { width, height }) {
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    if (this.canvas.width !== Math.round(width * ratio) || this.canvas.height !== Math.round(height * ratio)) {
      this.canvas.width = Math.round(width * ratio);
      this.canvas.height = Math.round(height * ratio);
    }
    const pen = this.canvas.getContext('2d');
    const from = this.painted;
    if (!pen || !from) return;
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
    const scale = view.k / from.k;
    const left = view.x - (from.x + width * MARGIN) * scale;
    const top = view.y - (from.y + height * MARGIN) * scale;
    pen.imageSmoothingEnabled = scale !== 1;
    pen.drawImage(this.bitmap, left * ratio, top * ratio, this.bitmap.width * scale, this.bitmap.height * scale);
  }

  /** The tokens as colours that a canvas takes. @returns {Palette} */
  palette() {
    const out = /** @type {Palette} */ ({});
    for (const [name, token] of Object.entries(TOKENS)) {
      this.probe.style.color = `var(${token})`;
      out[/** @type {keyof Palette} */ (name)] = getComputedStyle(this.probe).color;
    }
    return out;
  }

  destroy() {
    clearTimeout(this.timer);
    this.canvas.remove();
    this.probe.remove();
  }
}

/** @param {CanvasRenderingContext2D} pen @param {Viewport} viewport @param {Palette} palette @param {number} k */
function paintGroups(pen, { arrangement }, palette, k) {
  pen.strokeStyle = palette.line;
  pen.lineWidth = 1 / k;
  for (const { x, y, width, height } of arrangement.groups) pen.strokeRect(x - width / 2, y - height / 2, width, height);
}

/**
 * @param {CanvasRenderingContext2D} pen @param {Viewport} viewport @param {import('./viewport.js').Area} area
 * @param {State} state @param {Palette} palette @param {number} k
 */
function paintLinks(pen, viewport, area, state, palette, k) {
  const [quiet, warm, loose] = [new Path2D(), new Path2D(), new Path2D()];
  const { cardById } = viewport.arrangement;
  for (const drawn of viewport.links(area)) {
    const { link } = drawn;
    if (drawn.stub) continue;
    const sent = link.gradients.length > 0 && linkNow(link, state).state !== 'pending';
    const path = !link.recorded ? loose : sent ? warm : quiet;
    if (k > 0.12) trace(path, drawn.points, Math.max(1, Math.round(1 / k)) * 2);
    else {
      const [a, b] = [cardById.get(link.source), cardById.get(link.target)];
      if (!a || !b) continue;
      path.moveTo(a.x, a.y);
      path.lineTo(b.x, b.y);
    }
  }
  const width = Math.max(1.2, 0.9 / k);
  stroke(pen, quiet, palette.forward, width, k < 0.1 ? 0.45 : 0.8);
  stroke(pen, loose, palette.ghost, width, 0.5);
  stroke(pen, warm, palette.backward, width * 1.4, k < 0.1 ? 0.55 : 0.85);
}

/** @param {Path2D} path @param {number[]} points @param {number} stride */
function trace(path, points, stride) {
  if (points.length < 4) return;
  path.moveTo(points[0], points[1]);
  for (let i = 2 * stride; i + 2 < points.length; i += 2 * stride) path.lineTo(points[i], points[i + 1]);
  path.lineTo(points[points.length - 2], points[points.length - 1]);
}

/** @param {CanvasRenderingContext2D} pen @param {Path2D} path @param {string} colour @param {number} width @param {number} alpha */
function stroke(pen, path, colour, width, alpha) {
  pen.strokeStyle = colour;
  pen.lineWidth = width;
  pen.globalAlpha = alpha;
  pen.stroke(path);
  pen.globalAlpha = 1;
}

/** @param {CanvasRenderingContext2D} pen @param {Drawn[]} cards @param {State} state @param {Palette} palette @param {number} k */
function paintCards(pen, cards, state, palette, k) {
  /** @type {Map<string, {path: Path2D, fill: string, line: string}>} */
  const looks = new Map();
  for (const { item, x, y, box } of cards) {
    const look = lookOf(item, state, palette);
    let entry = looks.get(look.name);
    if (!entry) looks.set(look.name, (entry = { path: new Path2D(), fill: look.fill, line: look.line }));
    entry.path.rect(x - box.width / 2, y - box.height / 2, box.width, box.height);
  }
  pen.lineWidth = Math.max(1.2, 0.8 / k);
  for (const { path, fill, line } of looks.values()) {
    pen.fillStyle = fill;
    pen.fill(path);
    if (k > 0.06) {
      pen.strokeStyle = line;
      pen.stroke(path);
    }
  }
}

/** @param {import('../model/scene.js').Item} item @param {State} state @param {Palette} palette */
function lookOf(item, state, palette) {
  const { card } = item;
  if (!card) return { name: 'group', fill: palette.surface, line: palette.ink };
  const { status } = state.card(card.id);
  if (card.kind === 'leaf') return { name: `leaf${status}`, fill: status === 'done' || status === 'backward' ? palette.warm : palette.leafSoft, line: palette.leaf };
  if (card.kind === 'ghost') return { name: 'ghost', fill: palette.canvas, line: palette.ghost };
  if (status === 'future') return { name: 'future', fill: palette.future, line: palette.line };
  if (status === 'forward' || status === 'idle') return { name: 'idle', fill: palette.soft, line: palette.forward };
  return { name: 'warm', fill: palette.warm, line: palette.backward };
}

/** @param {CanvasRenderingContext2D} pen @param {Viewport} viewport @param {Set<string>} ids @param {string} colour @param {number} k */
function outline(pen, { arrangement }, ids, colour, k) {
  pen.strokeStyle = colour;
  pen.lineWidth = 3 / k;
  for (const id of ids) {
    const card = arrangement.cardById.get(id);
    if (!card) continue;
    const [w, h] = [Math.max(card.box.width, 10 / k), Math.max(card.box.height, 8 / k)];
    pen.strokeRect(card.x - w / 2 - 2 / k, card.y - h / 2 - 2 / k, w + 4 / k, h + 4 / k);
  }
}

/** @param {CanvasRenderingContext2D} pen @param {Drawn[]} cards @param {Palette} palette @param {View} view */
function titles(pen, cards, palette, { k, x, y }) {
  pen.fillStyle = palette.ink;
  pen.font = `600 ${TITLE_PX}px monospace`;
  pen.textAlign = 'center';
  pen.textBaseline = 'middle';
  for (const { item, x: cx, y: cy, box } of cards) {
    const most = Math.floor((box.width * k - 6) / (TITLE_PX * 0.6));
    if (most < 4) continue;
    const count = item.group ? (item.group.repeats > 1 ? ` ×${item.group.repeats}` : '') : '';
    pen.fillText(clip((item.card?.title ?? item.group?.title ?? '') + count, most), cx * k + x, cy * k + y);
  }
}
