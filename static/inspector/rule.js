/**
 * The derivative rule of a node: as maths, in words, and as torch states it.
 */
import { address, fetchOperator } from '../api.js';
import { fill, h, prose } from '../dom.js';

/** What was set once is shown again at every step: setting maths takes longer than a step may. @type {Map<string, HTMLElement>} */
const known = new Map();

/** @param {string} engine  E.g. MulBackward0. */
export function ruleSection(engine) {
  const ready = known.get(engine);
  if (ready) return ready;
  const body = h('div', {}, h('p', { class: 'none' }, 'Looking it up…'));
  const section = h('section', { 'aria-label': 'Rule' }, h('h3', {}, 'Rule'), body);
  void fetchOperator(engine).then(async (operator) => {
    if (!operator) {
      section.remove();
      return;
    }
    const formulas = operator.formulas ?? {};
    fill(
      body,
      operator.latex && h('div', { class: 'inspect__rule', tabindex: '0', role: 'group', 'aria-label': 'Rule as maths' }, await maths(operator.latex)),
      operator.text && h('p', {}, prose(operator.text)),
      Object.entries(formulas).map(([name, formula]) => h('p', { class: 'inspect__formula' }, `torch: ${name} = ${formula}`)),
      h('p', {}, h('a', { href: address(`operators/${engine}`), target: '_blank', rel: 'noopener' }, `All about ${engine}`)),
    );
    known.set(engine, section);
  });
  return section;
}

/** @param {string} latex @returns {Promise<HTMLElement>} */
async function maths(latex) {
  const { default: temml } = await import('temml');
  const host = h('span', {});
  temml.render(latex, host, { displayMode: false, throwOnError: false });
  return host;
}
