/**
 * The two levels of detail of one picture: elements for what can be read, a
 * canvas for what is seen from afar.
 *
 * @typedef {import('./arrange.js').Arrangement} Arrangement
 * @typedef {import('./picture.js').Picture} Picture
 */
import { stateAt } from '../model/state.js';
import { Overview } from './overview.js';
import { areaOf, covers, Viewport } from './viewport.js';

/** More cards than this are never all in the document at once. */
const MOST_ELEMENTS = 120;
/** Below this scale a big picture is a canvas. */
const DETAIL_SCALE = 0.4;
/** What is in the document around the window, and at least, in windows. */
const AROUND = 0.3;
const AHEAD = 0.15;
/** A picture of more cards is exported as far as it is in sight. */
const MOST_EXPORTED = 2000;

export class Detail {
  /** @param {Picture} picture */
  constructor(picture) {
    this.picture = picture;
    this.overview = new Overview(picture.element);
    /** @type {Viewport | null} Only for big arrangements. */
    this.viewport = null;
    /** @type {import('./viewport.js').Area | null} What of it is in the document. */
    this.joined = null;
    this.frame = 0;
    /** The canvas is shown. */
    this.far = false;
  }

  /** A new arrangement. @param {Arrangement} arrangement */
  reset(arrangement) {
    this.joined = null;
    this.viewport = arrangement.cards.length > MOST_ELEMENTS ? new Viewport(arrangement) : null;
    if (!this.viewport) this.picture.painter.join(arrangement.cards, arrangement.links);
    this.look();
  }

  /** Decide between the two, and fill the one in use. */
  look() {
    const { viewport } = this;
    const { camera, painter } = this.picture;
    if (!viewport) {
      this.setFar(false);
      return;
    }
    const sight = areaOf(camera.view, camera.size);
    const far = camera.view.k < DETAIL_SCALE || viewport.cards(sight).length > MOST_ELEMENTS;
    this.setFar(far);
    // A little at a time and ahead of the eye: much at once would cost a frame.
    if (far || (this.joined && covers(this.joined, areaOf(camera.view, camera.size, AHEAD)))) return;
    this.joined = areaOf(camera.view, camera.size, AROUND);
    const cards = viewport.cards(this.joined);
    painter.join(cards, viewport.links(this.joined).slice(0, 4 * MOST_ELEMENTS));
    painter.placeCards(cards);
    this.picture.refresh();
  }

  /** The camera moved. @param {import('./camera.js').View} view */
  moved(view) {
    const was = this.far;
    this.look();
    if (was && this.far) this.overview.move(view, this.picture.camera.size);
  }

  /** @param {boolean} far */
  setFar(far) {
    if (far === this.far) return;
    this.far = far;
    this.joined = null;
    this.picture.painter.world.style.display = far ? 'none' : '';
    if (far) {
      this.picture.player.stop();
      this.paint();
    } else this.overview.hide();
  }

  /** Paint in the next frame, once, however many steps are taken until then. */
  paintSoon() {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      if (this.far) this.paint();
    });
  }

  /** The canvas, as all is at this step. */
  paint() {
    const { arrangement, selected, step, camera } = this.picture;
    if (!arrangement || !this.viewport) return;
    const item = (/** @type {string} */ id) => arrangement.scene.itemOf.get(id) ?? id;
    this.overview.show({
      viewport: this.viewport,
      state: stateAt(arrangement.model, step),
      now: new Set((arrangement.model.steps[step]?.cards ?? []).map(item)),
      selected: new Set(selected ? [item(selected.id)] : []),
    }, camera.view, camera.size);
  }

  /**
   * Have all of it in the document while something is done.
   * @template T
   * @param {() => T} work @returns {T}
   */
  withAll(work) {
    const { arrangement, painter, step, compare } = this.picture;
    if (!this.viewport || !arrangement || arrangement.cards.length > MOST_EXPORTED) return work();
    painter.join(arrangement.cards, arrangement.links);
    painter.placeCards(arrangement.cards);
    painter.update(arrangement, stateAt(arrangement.model, step), compare);
    const made = work();
    this.joined = null;
    painter.join([], []);
    this.look();
    return made;
  }

  destroy() {
    cancelAnimationFrame(this.frame);
    this.overview.destroy();
  }
}
