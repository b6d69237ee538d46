/**
 * Talking to the service.  What goes wrong on the way is a `Problem` with words
 * for the reader; a program that fails is not one: its trace says so.
 *
 * @typedef {import('./model/types.js').Trace} Trace
 * @typedef {import('./state.js').Lesson} Lesson
 */

/** @typedef {'offline' | 'overloaded' | 'refused' | 'server' | 'cancelled'} ProblemKind */

export class Problem extends Error {
  /**
   * @param {ProblemKind} kind @param {string} title @param {string} detail
   * @param {number | null} [retryAfter]  Seconds.
   */
  constructor(kind, title, detail, retryAfter = null) {
    super(title);
    this.kind = kind;
    this.title = title;
    this.detail = detail;
    this.retryAfter = retryAfter;
  }
}

/** Where the service is mounted. */
const root = new URL(document.querySelector('meta[name=gradwalk-root]')?.getAttribute('content') ?? '/', location.href);

/** The address of a path of the service, wherever it is mounted. @param {string} path */
export function address(path) {
  return new URL(path.replace(/^\//, ''), root).href;
}

/** @param {string} path @param {RequestInit} [init] */
async function call(path, init) {
  let response;
  try {
    response = await fetch(address(path), init);
  } catch (error) {
    if (/** @type {Error} */ (error).name === 'AbortError') throw new Problem('cancelled', 'Cancelled', '');
    throw new Problem(
      'offline',
      'The service does not answer',
      'The connection was lost or the server is not running. Your code is safe in this browser.',
    );
  }
  if (!response.ok) throw await problemOf(response);
  return response;
}

/** RFC 9457, where the answer has it. @param {Response} response */
async function problemOf(response) {
  const body = await response.json().catch(() => ({}));
  const after = Number(response.headers.get('Retry-After')) || 2;
  return describe(body, response.status, after);
}

/** @param {any} body @param {number} status @param {number} after */
function describe(body, status, after) {
  const detail = typeof body.detail === 'string' ? body.detail : `Status ${status}.`;
  if (status === 503) return new Problem('overloaded', 'Too many programs are running right now', detail, after);
  const title = typeof body.title === 'string' ? body.title : 'The request failed';
  if (status === 429) return new Problem('overloaded', title, detail, after);
  return new Problem(status < 500 ? 'refused' : 'server', title, detail);
}

/**
 * @typedef {{elapsed: number, ops: number, nodes: number}} Progress
 * @typedef {{signal?: AbortSignal, onProgress?: (progress: Progress) => void, onArrived?: () => void}} RunOptions
 *   `onArrived`: the whole answer is here, and not read yet.
 */

/**
 * Run a program; with `onProgress` the service tells how far it is.
 * @param {object} request  The body of `POST /api/v1/traces`.
 * @param {RunOptions} [options]
 * @returns {Promise<Trace>}
 */
export async function runTrace(request, { signal, onProgress, onArrived } = {}) {
  const response = await call(`api/v1/traces${onProgress ? '?format=ndjson' : ''}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(request),
    signal,
  });
  try {
    if (!onProgress) {
      const text = await response.text();
      onArrived?.();
      return JSON.parse(text);
    }
    /** @type {Trace | null} */
    let trace = null;
    for await (const line of linesOf(response)) {
      const message = JSON.parse(line);
      if (message.kind === 'trace') {
        trace = message.trace;
        continue;
      }
      if (message.kind === 'problem') throw describe(message.problem, message.problem.status ?? 500, 2);
      onProgress({ elapsed: message.elapsed_ms, ops: message.ops, nodes: message.nodes });
    }
    if (trace) return trace;
  } catch (error) {
    if (error instanceof Problem) throw error;
    if (signal?.aborted) throw new Problem('cancelled', 'Cancelled', '');
  }
  throw new Problem('server', 'The answer was cut short', 'The connection broke while the trace was on its way. Run it again.');
}

/** @param {Response} response */
async function* linesOf(response) {
  const stream = /** @type {ReadableStream<Uint8Array<ArrayBuffer>>} */ (response.body).pipeThrough(new TextDecoderStream());
  const reader = stream.getReader();
  // A trace is one long line: its parts are joined once.
  /** @type {string[]} */
  let parts = [];
  for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
    let text = chunk.value;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
      yield parts.join('') + text.slice(0, end);
      parts = [];
      text = text.slice(end + 1);
    }
    parts.push(text);
  }
}

/** @returns {Promise<Lesson[]>} */
export async function fetchLessons() {
  const body = await (await call('api/v1/lessons')).json();
  return body.lessons ?? body;
}

/** @type {Map<string, Promise<any>>} */
const operators = new Map();

/**
 * The derivative rule of an engine node; null where none is known.
 * @param {string} name  E.g. `MulBackward0`.
 * @returns {Promise<any>}
 */
export function fetchOperator(name) {
  let known = operators.get(name);
  if (!known) {
    known = call(`api/v1/operators/${encodeURIComponent(name)}`)
      .then((response) => response.json())
      .catch((problem) => {
        if (problem.kind !== 'refused') operators.delete(name);
        return null;
      });
    operators.set(name, known);
  }
  return known;
}
