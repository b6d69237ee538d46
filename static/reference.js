/**
 * The reference pages: LaTeX becomes MathML, and the search field filters the
 * list.  Without JavaScript the pages show the LaTeX itself and the whole list.
 */

/** Draw every `data-latex` as MathML. */
async function drawMaths() {
  const places = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('[data-latex]'));
  if (!places.length) return;
  const { default: temml } = await import('temml');
  for (const place of places) {
    const latex = place.dataset.latex ?? '';
    const displayMode = place.tagName === 'P';
    place.replaceChildren();
    temml.render(latex, place, { displayMode, throwOnError: false });
  }
}

/** Show the entries that hold every word of the search field. */
function filterList() {
  const field = /** @type {HTMLInputElement | null} */ (document.getElementById('search'));
  const status = document.getElementById('found');
  if (!field || !status) return;
  const entries = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('[data-words]'));
  const families = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('.family'));
  /** @type {HTMLElement} */ (field.closest('.search')).hidden = false;

  const apply = () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const entry of entries) {
      entry.hidden = !words.every((word) => (entry.dataset.words ?? '').includes(word));
      if (!entry.hidden) count += 1;
    }
    for (const family of families) family.hidden = !family.querySelector('[data-words]:not([hidden])');
    status.textContent = words.length ? (count === 1 ? '1 operator' : `${count} operators`) : '';
  };
  field.addEventListener('input', apply);
  addEventListener('keydown', (event) => {
    if (event.key !== '/' || event.target === field) return;
    event.preventDefault();
    field.focus();
  });
  if (field.value) apply();
}

filterList();
void drawMaths();
