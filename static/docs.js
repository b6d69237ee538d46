// Draws /docs: the OpenAPI document of this service, with nothing from elsewhere.

const url = /** @type {HTMLScriptElement} */ (document.currentScript).dataset.openapi;

// Swagger UI's own name of the dark theme; the reader's choice counts as in the studio.
const dark = matchMedia("(prefers-color-scheme: dark)");
const root = document.documentElement;
const paint = () => root.classList.toggle("dark-mode", root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
dark.addEventListener("change", paint);
paint();

addEventListener("DOMContentLoaded", () => {
  const draw = /** @type {{SwaggerUIBundle: (options: object) => void}} */ (
    /** @type {unknown} */ (globalThis)
  ).SwaggerUIBundle;
  draw({ url, dom_id: "#api", deepLinking: true, validatorUrl: null, tryItOutEnabled: true });
});
