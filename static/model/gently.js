/**
 * Long work in short pieces, so that the page never stands still: a generator
 * that yields wherever it may be put down.
 */

/** Milliseconds of work before the page gets its turn. */
const TURN = 16;
/** Things done between two looks at the clock. */
export const PIECE = 128;

/**
 * All at once.
 * @template T
 * @param {Generator<void, T, void>} work @returns {T}
 */
export function atOnce(work) {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}

/**
 * In turns with everything else.
 * @template T
 * @param {Generator<void, T, void>} work
 * @param {AbortSignal} [signal]  Gives it up: rejects with the reason.
 * @returns {Promise<T>}
 */
export async function gently(work, signal) {
  let start = performance.now();
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
    if (performance.now() - start < TURN) continue;
    await breath();
    signal?.throwIfAborted();
    start = performance.now();
  }
}

/** Let the page draw and hear. @returns {Promise<void>} */
export function breath() {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
