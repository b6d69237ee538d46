/**
 * From a trace to what the page shows.  Pure functions; no DOM.
 */

export { buildModel, buildModelGently } from './build.js';
export { stateAt } from './state.js';
export { compare } from './compare.js';
export { formatNumber, formatShape, formatInline, formatSummary, flatten, toNumber } from './numbers.js';
export { strength } from './heat.js';
export { heatClass } from './heat.js';
export { REASONS, SHORT_REASONS } from './sentence.js';
