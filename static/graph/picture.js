/**
 * Holds the picture together: what is drawn, at which step, what is selected.
 *
 * @typedef {import('../model/types.js').Model} Model
 * @typedef {import('../model/types.js').Comparison} Comparison
 * @typedef {import('../model/types.js').Ref} Ref
 * @typedef {import('../model/types.js').State} State
 * @typedef {import('./types.js').Direction} Direction
 * @typedef {import('./types.js').GraphHandlers} GraphHandlers
 * @typedef {import('./arrange.js').Arrangement} Arrangement
 */
import { firstOpen, READABLE } from '../model/groups.js';
import { breath } from '../model/gently.js';
import { buildScene } from '../model/scene.js';
import { stateAt } from '../model/state.js';
import { align, arrange } from './arrange.js';
import { Camera } from './camera.js';
import { Detail } from './detail.js';
import { exportPicture } from './export.js';
import { glide, isStill, MOVE_MS } from './glide.js';
import { GroupBar } from './groupbar.js';
import { Interaction } from './interaction.js';
import { LayoutClient } from './layout.js';
import { firstLook, happening, roomAbove } from './look.js';
import { motionAllowed } from './motion.js';
import { Painter } from './painter.js';
import { printable } from './paper.js';
import { Player } from './player.js';

/** Work on a model of more cards is done in pieces. */
const BIG = 1500;

export class Picture {
  /** @param {HTMLElement} element @param {GraphHandlers} handlers */
  constructor(element, handlers) {
    this.element = element;
    this.handlers = handlers;
    /** @type {Model | null} */
    this.model = null;
    /** @type {Comparison | null} */
    this.compare = null;
    /** @type {Arrangement | null} */
    this.arrangement = null;
    /** @type {Direction} */
    this.direction = 'TB';
    /** @type {Set<string>} */
    this.open = new Set();
    this.step = -1;
    /** @type {Ref | null} */
    this.selected = null;
    /** @type {Ref | null} */
    this.hovered = null;
    this.turn = 0;
    this.stopMoving = () => {};

    this.svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
    this.svg.setAttribute('class', 'gw-graph');
    this.svg.setAttribute('role', 'group');
    this.svg.setAttribute('aria-label', 'Graph of the run');
    element.append(this.svg);
    this.painter = new Painter(this.svg);
    this.expanded = false;
    this.camera = new Camera(this.svg, (view) => this.viewed(view));
    this.bar = new GroupBar(element, (open) => void this.setExpanded(open));
    this.layouts = new LayoutClient();
    this.player = new Player(this.painter);
    this.detail = new Detail(this);
    this.interaction = new Interaction(this);
    /** On paper the camera stands still. */
    this.printing = false;
    this.stopPrinting = printable(this);
    this.resizing = new ResizeObserver(() => this.resized());
    this.resizing.observe(element);
  }

  /**
   * @param {Model} model
   * @param {{compare?: Comparison | null, keepPositions?: boolean, step?: number}} [options]  step: at which it opens.
   */
  async setModel(model, { compare = null, keepPositions = false, step = this.step } = {}) {
    this.player.stop();
    const turn = ++this.turn;
    this.svg.setAttribute('aria-busy', 'true');
    await this.breath(model);
    if (turn !== this.turn) return;
    const drawn = this.arrangement?.groups.some(({ group }) => this.open.has(group.id)) ?? false;
    const asBefore = keepPositions && (drawn || this.model?.code === model.code);
    if (!asBefore) {
      this.open = model.cards.length > READABLE ? firstOpen(model) : new Set();
      this.expanded = false;
    }
    this.model = model;
    this.compare = compare;
    this.step = Math.min(step, model.steps.length - 1);
    await this.rearrange(keepPositions ? this.arrangement : null);
  }

  /** Between two pieces of work on a big model the page gets its turn. @param {Model} model */
  async breath(model) {
    if (model.cards.length > BIG) await breath();
  }

  /**
   * Lay out the scene as it is now.
   * @param {Arrangement | null} before  What it may keep positions of.
   * @param {boolean} [same]  The same model, seen in another way.
   */
  async rearrange(before, same = false) {
    const model = this.model;
    if (!model) return;
    const turn = ++this.turn;
    this.svg.setAttribute('aria-busy', 'true');
    await this.breath(model);
    if (turn !== this.turn) return;
    const scene = buildScene(model, {
      open: this.open, collapse: model.cards.length > READABLE && !this.expanded, severed: this.compare?.severed ?? [],
    });
    await this.breath(model);
    if (turn !== this.turn) return;
    const arrangement = await arrange(this.layouts, model, scene, this.direction, before, this.compare);
    if (!arrangement || turn !== this.turn) return;
    await this.breath(model);
    if (turn !== this.turn) return;
    this.svg.setAttribute('aria-busy', 'false');
    // A glide that still runs would go on moving what is drawn anew.
    this.stopMoving();
    const old = this.arrangement;
    const related = old && before ? align(arrangement, old) : 0;
    this.arrangement = arrangement;
    this.camera.top = roomAbove(model.cards.length > READABLE);
    this.painter.joinGroups(arrangement.groups);
    this.bar.show({
      cards: model.cards.length, groups: scene.items.filter((item) => item.group).length,
      grouped: model.cards.length > READABLE, expanded: this.expanded,
    });
    this.detail.reset(arrangement);
    this.refresh();
    if (old && (same || related > arrangement.cards.length / 3)) this.moveFrom(old);
    else {
      this.painter.placeCards(arrangement.cards);
      this.camera.touched = false;
      this.look(0);
      this.detail.look();
    }
  }

  /** Cards glide from where they were. @param {Arrangement} old */
  moveFrom(old) {
    const now = /** @type {Arrangement} */ (this.arrangement);
    const still = isStill(now, old);
    if (still || !motionAllowed() || this.detail.viewport) this.painter.placeCards(now.cards);
    else this.stopMoving = glide(this.painter, now, old, () => stateAt(now.model, this.step));
    if (!still && !this.camera.touched) this.look();
  }

  /** @param {number} step @param {{animate?: boolean, duration?: number}} [options] */
  setStep(step, { animate = false, duration = 600 } = {}) {
    const forward = step === this.step + 1;
    this.step = step;
    this.player.stop();
    if (!this.arrangement) return;
    if (animate && forward && motionAllowed() && !this.detail.far) this.player.play(this.arrangement, step, this.compare, duration);
    else this.refresh();
    this.markStep();
    if (!this.detail.far) this.interaction.paint();
    this.follow(animate ? Math.min(duration / 2, 260) : 0);
  }

  /** Keep what happens in sight, if it is in the picture and text can be read. @param {number} duration */
  follow(duration) {
    const { arrangement } = this;
    const drawn = arrangement && happening(arrangement, this.step);
    if (!drawn || this.detail.far || this.camera.view.k < 0.5) return;
    const touched = this.camera.touched;
    this.camera.show(rectOf(drawn), duration);
    this.camera.touched = touched;
  }

  /** Everything as it is at this step. */
  refresh() {
    if (!this.arrangement) return;
    if (this.detail.far) {
      this.detail.paintSoon();
      return;
    }
    this.painter.update(this.arrangement, stateAt(this.arrangement.model, this.step), this.compare);
    this.markStep();
    this.interaction.paint();
  }

  markStep() {
    const scene = this.arrangement?.scene;
    const step = this.arrangement?.model.steps[this.step];
    if (!scene) return;
    const cards = new Set((step?.cards ?? []).map((id) => scene.itemOf.get(id) ?? id));
    this.painter.mark('is-now', cards, new Set());
    this.painter.mark('is-failed', step?.kind === 'error' ? cards : new Set(), new Set());
  }

  /** @param {Ref | null} ref */
  select(ref) {
    this.selected = ref;
    if (this.detail.far) this.detail.paint();
    else this.interaction.paint();
  }

  /** @param {Ref | null} ref */
  hover(ref) {
    this.hovered = ref;
    if (!this.detail.far) this.interaction.paint();
  }

  /** All groups open, or all closed. @param {boolean} open */
  async setExpanded(open) {
    this.expanded = open;
    this.open = !open && this.model ? firstOpen(this.model) : new Set();
    this.camera.touched = false;
    await this.rearrange(null);
  }

  /** @param {Direction} direction */
  setDirection(direction) {
    if (direction === this.direction) return;
    this.direction = direction;
    this.camera.touched = false;
    void this.rearrange(this.arrangement, true);
  }

  /** Open or close a group; the clicked box stays where it is on the screen. @param {string} id */
  async toggleGroup(id) {
    const before = this.groupCorner(id);
    if (this.open.has(id)) this.open.delete(id);
    else this.open.add(id);
    this.camera.touched = true;
    await this.rearrange(this.arrangement, true);
    const after = this.groupCorner(id);
    if (before && after) {
      const { k, x, y } = this.camera.view;
      this.camera.go({ k, x: x + (before.x - after.x) * k, y: y + (before.y - after.y) * k });
    }
  }

  /** Upper left corner of a group, open or closed. @param {string} id */
  groupCorner(id) {
    const open = this.arrangement?.groups.find((one) => one.group.id === id);
    if (open) return { x: open.x - open.width / 2, y: open.y - open.height / 2 };
    const closed = this.arrangement?.cardById.get(id);
    return closed ? { x: closed.x - closed.box.width / 2, y: closed.y - closed.box.height / 2 } : null;
  }

  /** All of it in sight, however small. */
  fit() {
    if (!this.arrangement) return;
    this.camera.go(this.camera.viewOf(this.arrangement.bounds), MOVE_MS);
    this.camera.touched = false;
  }

  /** As it is to be read; what was opened on purpose is seen whole. @param {number} [duration] */
  look(duration = MOVE_MS) {
    const { arrangement, camera, expanded } = this;
    if (!arrangement) return;
    const options = expanded ? {} : firstLook(camera, arrangement, this.focusRect());
    camera.go(camera.viewOf(arrangement.bounds, options), duration);
  }

  /** Where to look first: at what happens now, else where it begins. */
  focusRect() {
    const arrangement = /** @type {Arrangement} */ (this.arrangement);
    const drawn = happening(arrangement, this.step) ?? arrangement.cards[0];
    return drawn ? rectOf(drawn) : null;
  }

  /** @param {Ref} ref */
  async reveal(ref) {
    if (!this.arrangement) return;
    const edge = ref.kind === 'edge' ? this.arrangement.model.edgeById.get(ref.id) : undefined;
    const cardId = edge ? edge.target : ref.id;
    const itemId = this.arrangement.scene.itemOf.get(cardId) ?? cardId;
    const group = this.arrangement.cardById.get(itemId)?.item.group;
    if (group && ref.kind !== 'group') {
      this.open.add(group.id);
      await this.rearrange(this.arrangement, true);
      await this.reveal(ref);
      return;
    }
    const drawn = this.arrangement.cardById.get(itemId);
    if (drawn) this.camera.show(rectOf(drawn));
  }

  /** @param {import('./camera.js').View} view */
  viewed({ k, x, y }) {
    this.painter.world.setAttribute('transform', `translate(${x},${y}) scale(${k})`);
    if (!this.arrangement) return;
    this.detail.moved({ k, x, y });
    this.interaction.viewed();
  }

  resized() {
    this.camera.resized();
    if (!this.arrangement || this.printing) return;
    if (!this.camera.touched) this.look(0);
    if (this.detail.far) this.detail.paint();
    else this.detail.look();
  }

  /** All that is drawn; of a very big picture what is in the document. */
  exportSVG() {
    const { arrangement } = this;
    return arrangement ? this.detail.withAll(() => exportPicture(this.svg, arrangement)) : '';
  }

  destroy() {
    this.player.stop();
    this.stopMoving();
    this.stopPrinting();
    this.resizing.disconnect();
    this.layouts.destroy();
    this.detail.destroy();
    this.element.replaceChildren();
  }
}

/** @param {import('./cards.js').Drawn} drawn */
function rectOf({ x, y, box }) {
  return { x: x - box.width / 2, y: y - box.height / 2, width: box.width, height: box.height };
}
