/**
 * Running programs: one request at a time, the newest wins, and beside each run
 * with what-ifs the same program without them, to compare.
 */
import { buildModelGently, compare } from './model/index.js';
import { Problem, runTrace } from './api.js';
import { isExpression } from './editor/syntax.js';
import { callShown, programOf, sameCard, shown } from './state.js';
import { sameStep } from './timeline/same-step.js';

/**
 * @typedef {import('./state.js').State} State
 * @typedef {import('./state.js').Program} Program
 * @typedef {import('./state.js').Intervention} Intervention
 * @typedef {import('./model/types.js').Model} Model
 * @typedef {import('./store.js').Store<State>} Store
 */

/** After this many milliseconds a run shows its progress and Cancel. */
const PATIENCE = 350;
/** Runs of a drag that may be begun and not drawn: two that are asked for, one that is read and drawn. */
const PENDING = 3;
/**
 * Where an answer takes so many milliseconds, the next run is asked for when half of them are over:
 * a second processor has time for it.  Where it takes longer, none has.
 */
const LONG = 25;
const TOO_LONG = 80;
/**
 * While a run of more engine nodes is dragged, its local Jacobians wait until the hand rests, and
 * so do the numbers of all backward calls but the one that is drawn.
 */
const LIGHT = 30;
const REST = 250;
/** Longest wait that is taken without asking, in seconds. */
const LONGEST_RETRY = 5;

/** @type {{code: string, is: boolean}} */
let asked = { code: '', is: false };

/** A drag asks it of the same program again and again. @param {string} code */
function isOneExpression(code) {
  if (asked.code !== code) asked = { code, is: isExpression(code) };
  return asked.is;
}

/**
 * The body of a request.
 * @param {Program} program @param {Intervention[]} interventions
 * @param {{check?: boolean, light?: boolean, only?: number | null}} [options]
 *   light: without local Jacobians. only: the backward call of which numbers are wanted; null: all.
 */
function requestOf(program, interventions, { check = false, light = false, only = null } = {}) {
  return {
    code: program.code,
    seed: program.seed,
    inputs: program.inputs,
    gradient: program.gradient,
    auto_backward: isOneExpression(program.code),
    interventions: interventions.map(({ id, kind, target }) => ({ id, kind, target })),
    ...(check ? { check: true } : {}),
    ...(light ? { jacobians: 'none' } : {}),
    ...(only === null ? {} : { values_of: only }),
  };
}

/** @param {Model | null} model */
function isHeavy(model) {
  return (model?.trace.graphs ?? []).reduce((total, graph) => total + graph.nodes.length, 0) > LIGHT;
}

/** Number of the backward call that is drawn; null where all of them are. @param {State} state */
function callDrawn(state) {
  const model = shown(state);
  const call = model && callShown(model, state);
  const number = model && call ? model.trace.graphs.findIndex(({ id }) => id === call) : -1;
  return number < 0 ? null : number;
}

/** @param {Store} store */
export function createSession(store) {
  /** @type {AbortController | null} */
  let controller = null;
  /** @type {{key: string, model: Model, light: boolean} | null} */
  let plain = null;
  /** Runs of a drag until they are drawn, whether one is being asked for, whether one more is wanted, and their numbers. */
  /** @type {Set<AbortController>} */
  const drags = new Set();
  let asking = 0;
  /** When the last run of a drag was asked for, and how long the last answer took. */
  let askedAt = 0;
  let took = 0;
  let wanted = false;
  let sent = 0;
  let drawn = 0;
  let rest = 0;

  /**
   * @typedef {import('./api.js').RunOptions & {signal: AbortSignal, check?: boolean, light?: boolean, only?: number | null, onWait?: (due: number | null) => void}} Options
   *   onWait: the service is too busy, and is asked again when `due` has come; null: it is asked now.
   * @param {Program} program @param {Intervention[]} interventions @param {Options} options
   */
  async function modelOf(program, interventions, { check, light, only = null, ...options }) {
    const request = requestOf(program, interventions, { check, light, only });
    for (let attempt = 0; ; attempt++) {
      try {
        const model = await buildModelGently(await runTrace(request, options), program.code, options.signal);
        return only === null ? model : { ...model, partial: true };
      } catch (error) {
        if (options.signal.aborted) throw new Problem('cancelled', 'Cancelled', '');
        const wait = error instanceof Problem ? error.retryAfter : null;
        if (wait === null || wait > LONGEST_RETRY || attempt > 0) throw error;
        options.onWait?.(performance.now() + wait * 1000);
        await pause(wait * 1000, options.signal);
        options.onWait?.(null);
      }
    }
  }

  /** @param {State} state @param {Options} options */
  async function models(state, options) {
    const program = programOf(state);
    const key = JSON.stringify(program);
    const { signal, light = false, only } = options;
    const known = plain?.key === key && (light || !plain.light) ? plain.model : null;
    if (state.interventions.length === 0) {
      const model = await modelOf(program, [], options);
      plain = { key, model, light };
      return { model, before: null, comparison: null };
    }
    const [model, before] = await Promise.all([
      modelOf(program, state.interventions, options),
      known ?? modelOf(program, [], { signal, light, only }),
    ]);
    plain = { key, model: before, light: known ? (plain?.light ?? light) : light };
    return { model, before, comparison: compare(before, model) };
  }

  /** @param {State} state @param {Awaited<ReturnType<typeof models>>} result @param {number} started @param {{step?: number, hurry?: boolean}} [options] */
  function show(state, result, started, { step, hurry } = {}) {
    const old = store.get();
    const seen = shown(old);
    store.setState({
      ...result,
      lesson: belongs(state) ? state.lesson : null,
      ranCode: state.code,
      status: 'done',
      problem: null,
      elapsed: performance.now() - started,
      step: Math.min(step ?? (seen ? sameStep(seen, result.model, old.step) : Infinity), result.model.steps.length - 1),
      selection: seen ? sameCard(old.selection, seen, result.model) : old.selection,
      hover: null,
      view: 'after',
    }, { hurry });
  }

  /** @param {unknown} error */
  function fail(error) {
    if (!(error instanceof Problem)) throw error;
    const cancelled = error.kind === 'cancelled';
    store.setState({ status: cancelled && store.get().model ? 'done' : 'failed', problem: cancelled ? null : error });
  }

  /** Stop all that is under way. */
  function stop() {
    clearTimeout(rest);
    controller?.abort();
    for (const one of drags) one.abort();
  }

  /**
   * Run what stands in the editor.
   * @param {{step?: number, check?: boolean}} [options]  step: where the walk shall
   *   stand afterwards. check: with finite differences.
   */
  async function run({ step, check = false } = {}) {
    stop();
    const mine = new AbortController();
    controller = mine;
    const started = performance.now();
    const state = store.get();
    store.setState({ status: 'running', playing: false, progress: null });
    /** @type {number | null} */
    let ops = null;
    /** @type {number | null} */
    let due = null;
    const timer = setInterval(() => {
      const now = performance.now();
      if (now - started > PATIENCE) store.setState({ progress: { elapsed: now - started, ops, retryIn: due && Math.max(0, due - now) } });
    }, 100);
    try {
      const result = await models(state, { signal: mine.signal, onProgress: (now) => (ops = now.ops), onWait: (when) => (due = when), check });
      if (!mine.signal.aborted) show(state, result, started, { step });
    } catch (error) {
      if (!mine.signal.aborted || controller === mine) fail(error);
    } finally {
      clearInterval(timer);
      if (controller === mine) {
        controller = null;
        store.setState({ progress: null });
      }
    }
  }

  /**
   * Run for a drag, without ado.  The next request leaves as soon as an answer
   * is here, so that the service computes while the page reads and draws, and
   * where answers take long, halfway to the next one; an answer that a newer
   * one has overtaken is dropped.
   * @param {{whole?: boolean}} [options]  whole: whatever it costs.
   */
  async function live({ whole = false } = {}) {
    clearTimeout(rest);
    wanted = true;
    const early = asking === 1 && took > LONG && took < TOO_LONG && performance.now() - askedAt > took / 2;
    if ((asking > 0 && !early) || drags.size >= PENDING) return;
    wanted = false;
    const mine = new AbortController();
    const number = ++sent;
    const started = performance.now();
    const state = store.get();
    const light = !whole && isHeavy(state.model);
    drags.add(mine);
    asking++;
    askedAt = started;
    let waits = true;
    const arrived = () => {
      if (!waits) return;
      waits = false;
      asking--;
      took = performance.now() - started;
      if (wanted && !mine.signal.aborted) void live();
    };
    try {
      const only = light ? callDrawn(state) : null;
      const result = await models(state, { signal: mine.signal, light, only, onArrived: arrived });
      if (mine.signal.aborted || number < drawn) return;
      drawn = number;
      show(state, result, started, { hurry: !whole });
    } catch (error) {
      if (!mine.signal.aborted) fail(error);
    } finally {
      drags.delete(mine);
      arrived();
      if (wanted && !mine.signal.aborted) void live();
      else if (light && !mine.signal.aborted && drags.size === 0) rest = window.setTimeout(() => void live({ whole: true }), REST);
    }
  }

  return {
    run,
    live,
    cancel: stop,
    /** @param {any} trace @param {string} code */
    async open(trace, code) {
      stop();
      const model = await buildModelGently(trace, code);
      store.setState({
        code, model, before: null, comparison: null, ranCode: code, lesson: null, interventions: [], inputs: {},
        status: 'done', problem: null, elapsed: null, selection: null, hover: null, step: model.steps.length - 1,
      });
    },
  };
}

/** A third of what the lesson said is still there: one line in common is chance. @param {State} state */
function belongs({ lesson, lessons, code }) {
  const lines = (lessons.find((one) => one.id === lesson)?.code ?? '').split('\n').filter((line) => line.trim() !== '');
  const now = new Set(code.split('\n'));
  return lines.length > 0 && lines.filter((line) => now.has(line)).length * 3 >= lines.length;
}

/** @param {number} ms @param {AbortSignal} signal @returns {Promise<void>} */
function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(new Problem('cancelled', 'Cancelled', ''));
    });
  });
}
