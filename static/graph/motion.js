/**
 * Motion that can be stopped: one clock for tweens, none when the reader
 * asked for less of it.
 */

const reduced = matchMedia('(prefers-reduced-motion: reduce)');

export function motionAllowed() {
  return !reduced.matches;
}

/**
 * Calls `frame` with 0..1 until `duration` ms are over, then `done`.
 * @param {number} duration @param {(t: number) => void} frame @param {() => void} done
 * @returns {() => void}  Stops it where it is, without `done`.
 */
export function tween(duration, frame, done) {
  if (duration <= 0 || document.hidden) {
    frame(1);
    done();
    return () => {};
  }
  let start = -1;
  let id = requestAnimationFrame(tick);
  /** @param {number} now */
  function tick(now) {
    if (start < 0) start = now;
    const t = Math.min(1, (now - start) / duration);
    frame(t);
    if (t < 1) id = requestAnimationFrame(tick);
    else done();
  }
  return () => cancelAnimationFrame(id);
}

/** @param {number} t */
export function ease(t) {
  return t < 0.5 ? 4 * t * t * t : 1 - (-2 * t + 2) ** 3 / 2;
}
