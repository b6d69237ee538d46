/**
 * Routes one after the other in one array, to cross from the worker.
 * @param {number[][]} routes
 */
export function pack(routes) {
  const offsets = new Int32Array(routes.length + 1);
  routes.forEach((route, i) => {
    offsets[i + 1] = offsets[i] + route.length;
  });
  const control = new Float64Array(offsets[routes.length]);
  routes.forEach((route, i) => control.set(route, offsets[i]));
  return { control, offsets };
}
