/**
 * The run as a strip of ticks: forward small and blue, backward as high as the
 * logarithm of its gradient.  A real range input lies over it, so that mouse,
 * touch, keys and screen readers all work as they do everywhere.
 */
import { h } from '../dom.js';

/** @typedef {import('../model/types.js').Model} Model */
/** @typedef {import('../model/types.js').Step} Step */

const NS = 'http://www.w3.org/2000/svg';
const PAD = 18;
/** Room under the base line: with labels, and without. */
const UNDER = 24;
const UNDER_SMALL = 9;
const SMALL = 60;
const LOW = 6;
const HIGH = 30;
const LABEL_GAP = 8;

/**
 * @param {string} tag @param {Record<string, string | number>} attributes @param {string} [text]
 */
function s(tag, attributes, text) {
  const element = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  if (text !== undefined) element.textContent = text;
  return element;
}

/** Height of each step's tick. @param {Step[]} steps @param {(number | null)[]} norms */
function heights(steps, norms) {
  const logs = norms.map((norm) => (norm !== null && norm > 0 && Number.isFinite(norm) ? Math.log10(norm) : null));
  const known = logs.filter((one) => one !== null);
  const low = Math.min(...known, 0) - 0.25;
  const high = Math.max(...known, 0.5);
  return steps.map((step, i) => {
    const log = logs[i];
    if (log !== null) return LOW + 4 + ((log - low) / (high - low)) * (HIGH - LOW - 4);
    if (step.kind === 'backward' || step.kind === 'error') return 18;
    if (step.kind === 'print') return 4;
    const norm = norms[i];
    return norm !== null && !Number.isFinite(norm) ? HIGH : LOW + 2;
  });
}

/** Consecutive steps of one backward call. @param {Step[]} steps */
function bands(steps) {
  /** @type {{from: number, to: number}[]} */
  const out = [];
  for (const step of steps) {
    if (step.kind === 'backward') out.push({ from: step.index, to: step.index });
    else if (step.graph && out.length > 0) out[out.length - 1].to = step.index;
  }
  return out;
}

/** Are they drawn alike, but for their heights? @param {Step[]} a @param {Step[]} b */
function sameSteps(a, b) {
  return a.length === b.length && a.every((one, i) => one.kind === b[i].kind && one.label === b[i].label && one.graph === b[i].graph);
}

/** @param {{onScrub: (step: number) => void}} handlers */
export function createStrip({ onScrub }) {
  const input = h('input', { type: 'range', min: '-1', max: '0', step: '1', value: '-1', 'aria-label': 'Step of the run' });
  const svg = s('svg', { 'aria-hidden': 'true' });
  const tip = h('div', { class: 'strip__tip', hidden: true });
  const element = h('div', { class: 'strip' }, input, svg, tip);
  /** @type {Model | null} */
  let model = null;
  let step = -1;
  let width = 0;
  let height = 0;
  /** @type {{element: Element, from: number, to: number, of: number}[]}  of: the step whose height it has. */
  let ticks = [];
  /** @type {{element: Element, index: number}[]} */
  let labels = [];
  /** Of each step; where a drag asked for no numbers, those from before it. @type {(number | null)[]} */
  let norms = [];
  const done = s('line', { class: 'strip__done' });
  const playhead = s('line', { class: 'strip__playhead', y1: 8 });
  const head = s('circle', { class: 'strip__head', r: 6 });
  /** Where the base line lies, from the top. */
  let base = 0;

  /** @param {number} index */
  function x(index) {
    const count = model?.steps.length ?? 0;
    return PAD + ((index + 1) / Math.max(1, count)) * (width - 2 * PAD);
  }
  /** @param {number} px */
  function indexAt(px) {
    const count = model?.steps.length ?? 0;
    return Math.max(-1, Math.min(count - 1, Math.round(((px - PAD) / (width - 2 * PAD)) * count - 1)));
  }

  function draw() {
    svg.replaceChildren();
    ticks = [];
    labels = [];
    const small = height < SMALL;
    base = height - (small ? UNDER_SMALL : UNDER);
    for (const y of ['y1', 'y2']) done.setAttribute(y, String(base));
    playhead.setAttribute('y2', String(base + 4));
    head.setAttribute('cy', String(base));
    const steps = model?.steps ?? [];
    if (width === 0) return;
    /** Over the playhead, which would strike them out. */
    const names = [];
    for (const [i, band] of bands(steps).entries()) {
      const [from, to] = [x(band.from) - 8, x(band.to) + 8];
      svg.append(s('rect', { class: 'strip__band', x: from, width: Math.max(2, to - from), y: 2, height: base + 4, rx: 5 }));
      if (to - from > 74 && !small) names.push(s('text', { class: 'strip__band-label', x: from + 6, y: 13 }, `backward ${i + 1}`));
    }
    svg.append(s('line', { class: 'strip__base', x1: PAD, x2: width - PAD, y1: base, y2: base }), done);
    const spacing = (width - 2 * PAD) / Math.max(1, steps.length);
    drawTicks(steps, spacing);
    raise(steps);
    if (spacing > 13 && !small) drawLabels(steps);
    svg.append(playhead, ...names, head);
    move();
  }

  /** Several steps share a tick where they are too many. @param {Step[]} steps @param {number} spacing */
  function drawTicks(steps, spacing) {
    const each = Math.max(1, Math.ceil(2.5 / spacing));
    const thick = Math.max(1.5, Math.min(9, spacing * 0.6));
    for (let from = 0; from < steps.length; from += each) {
      const element = s('rect', { width: thick, rx: Math.min(3, thick / 2) });
      svg.append(element);
      ticks.push({ element, from, to: Math.min(steps.length, from + each), of: -1 });
    }
  }

  /** Every tick to its height: that of the tallest of its steps. @param {Step[]} steps */
  function raise(steps) {
    const tall = heights(steps, norms);
    for (const tick of ticks) {
      const { element, from, to } = tick;
      let best = from;
      for (let i = from; i < to; i++) if (tall[i] > tall[best]) best = i;
      if (best !== tick.of) {
        element.setAttribute('class', `tick tick--${steps[best].kind}`);
        element.classList.toggle('is-future', from > step);
        element.setAttribute('x', String(x(best) - Number(element.getAttribute('width')) / 2));
        tick.of = best;
      }
      const height = String(Math.round((tall[best] + 3) * 10) / 10);
      if (element.getAttribute('height') === height) continue;
      element.setAttribute('y', String(base + 3 - Number(height)));
      element.setAttribute('height', height);
    }
  }

  /** @param {Step[]} steps */
  function drawLabels(steps) {
    let free = -Infinity;
    for (const one of steps) {
      const text = one.label.length > 14 ? `${one.label.slice(0, 13).replace(/…+$/, '')}…` : one.label;
      const half = text.length * 3.1 + LABEL_GAP / 2;
      // The last one stands at the edge: its text ends there.
      const at = Math.min(x(one.index), width - half);
      if (at - half < free || at - half < 0) continue;
      free = at + half;
      const label = s('text', { class: 'strip__label', x: at, y: base + 19 }, text);
      svg.append(label);
      labels.push({ element: label, index: one.index });
    }
  }

  function move() {
    const at = x(step);
    done.setAttribute('x1', String(PAD));
    done.setAttribute('x2', String(at));
    playhead.setAttribute('x1', String(at));
    playhead.setAttribute('x2', String(at));
    head.setAttribute('cx', String(at));
    for (const tick of ticks) tick.element.classList.toggle('is-future', tick.from > step);
    for (const label of labels) label.element.classList.toggle('is-now', label.index === step);
  }

  // A range input maps its ends to its own edges; ours are PAD further in.
  /** @param {PointerEvent} event */
  function scrub(event) {
    onScrub(indexAt(event.clientX - element.getBoundingClientRect().left));
  }
  input.addEventListener('pointerdown', (event) => {
    event.preventDefault();
    input.focus({ preventScroll: true });
    input.setPointerCapture(event.pointerId);
    scrub(event);
  });
  input.addEventListener('pointermove', (event) => {
    if (input.hasPointerCapture(event.pointerId)) scrub(event);
    showTip(event.clientX - element.getBoundingClientRect().left);
  });
  input.addEventListener('pointerleave', () => (tip.hidden = true));
  input.addEventListener('input', () => onScrub(Number(input.value)));

  /** @param {number} px */
  function showTip(px) {
    const index = indexAt(px);
    const one = model?.steps[index];
    tip.hidden = !one;
    if (!one) return;
    tip.textContent = `${index + 1}. ${one.label}${one.line ? ` · line ${one.line}` : ''}`;
    tip.style.insetInlineStart = `${Math.max(60, Math.min(width - 60, x(index)))}px`;
  }

  new ResizeObserver(() => {
    width = element.clientWidth;
    height = element.clientHeight;
    draw();
  }).observe(element);

  return {
    element,
    /** @param {Model | null} next */
    setModel(next) {
      const alike = model !== null && next !== null && ticks.length > 0 && sameSteps(model.steps, next.steps);
      model = next;
      norms = (next?.steps ?? []).map(({ norm }, i) => (alike && next?.partial ? norm ?? norms[i] : norm));
      input.max = String((next?.steps.length ?? 0) - 1);
      input.disabled = !next || next.steps.length === 0;
      // A dragged input changes heights, and nothing else.
      if (alike && next) raise(next.steps);
      else draw();
    },
    /** @param {number} next @param {string} text */
    setStep(next, text) {
      const stays = step === next;
      step = next;
      input.value = String(next);
      input.setAttribute('aria-valuetext', text);
      if (!stays) move();
    },
  };
}
