/**
 * What stands where a number is null: None, unless the trace was too large to be sent whole.
 *
 * @param {import('./types.js').Trace} trace
 */
export function absent(trace) {
  return (trace.omitted.values ?? 0) > 0 ? 'left out' : 'None';
}
