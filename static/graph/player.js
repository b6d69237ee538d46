/**
 * Plays one step: pulses run, then what they reach changes.
 *
 * @typedef {import('./arrange.js').Arrangement} Arrangement
 * @typedef {import('./pulses.js').Pulse} Pulse
 * @typedef {import('../model/types.js').Comparison} Comparison
 * @typedef {import('../model/types.js').Step} Step
 */
import { stateAt } from '../model/state.js';
import { tween } from './motion.js';
import { clearPulses, drawPulses, makePulse, MOST_PULSES } from './pulses.js';

export class Player {
  /** @param {import('./painter.js').Painter} painter */
  constructor(painter) {
    this.painter = painter;
    this.layer = /** @type {SVGGElement} */ (painter.pulseLayer.node());
    this.finish = () => {};
  }

  /**
   * @param {Arrangement} arrangement @param {number} index
   * @param {Comparison | null} compare @param {number} duration  ms
   */
  play(arrangement, index, compare, duration) {
    const step = arrangement.model.steps[index];
    const before = stateAt(arrangement.model, index - 1);
    const after = stateAt(arrangement.model, index);
    this.painter.update(arrangement, after, compare);
    const pulses = step ? this.pulsesOf(arrangement, step) : [];
    if (pulses.length === 0) return;
    // What a pulse still has to reach keeps its old numbers until then.
    const late = reached(arrangement, step);
    for (const id of late) this.painter.updateCard(arrangement, id, before, compare);
    const settle = () => {
      this.finish = () => {};
      clearPulses(this.layer, pulses);
      for (const id of late) {
        this.painter.updateCard(arrangement, id, after, compare);
        flash(this.painter.cardElements.get(id));
      }
    };
    const stop = tween(Math.max(120, duration), (t) => drawPulses(this.layer, pulses, t), settle);
    this.finish = () => {
      stop();
      settle();
    };
    if (pulses.length > 0 && this.layer.childNodes.length === 0) drawPulses(this.layer, pulses, 0);
  }

  /** Jump to the end of what is playing. */
  stop() {
    this.finish();
  }

  /** @param {Arrangement} arrangement @param {Step} step @returns {Pulse[]} */
  pulsesOf(arrangement, step) {
    const kind = step.kind === 'op' ? 'forward' : 'gradient';
    /** @type {Map<string, Pulse>} */
    const pulses = new Map();
    for (const edgeId of step.edges) {
      const edge = arrangement.model.edgeById.get(edgeId);
      const linkId = arrangement.scene.linkOf.get(edgeId);
      const drawn = linkId ? arrangement.linkById.get(linkId) : undefined;
      if (!drawn || !linkId || drawn.link.severed || (kind === 'gradient' && !edge?.gradient)) continue;
      const line = this.painter.linkElements.get(linkId) ?? null;
      if (!line) continue;
      pulses.set(linkId, makePulse(drawn, kind, line, this.painter.labelElements.get(linkId) ?? null));
      if (pulses.size >= MOST_PULSES) break;
    }
    return [...pulses.values()];
  }
}

/** Items whose numbers change only when the pulses arrive. @param {Arrangement} arrangement @param {Step} step */
function reached(arrangement, step) {
  const ids = new Set();
  if (step.kind === 'op') for (const card of step.cards) ids.add(arrangement.scene.itemOf.get(card));
  else {
    for (const edgeId of step.edges) {
      const target = arrangement.model.edgeById.get(edgeId)?.target;
      if (target) ids.add(arrangement.scene.itemOf.get(target));
    }
  }
  return /** @type {Set<string>} */ (ids);
}

/** @param {SVGGElement | undefined} element */
function flash(element) {
  element?.animate?.([{ opacity: 0.55 }, { opacity: 1 }], { duration: 220, easing: 'ease-out' });
}
