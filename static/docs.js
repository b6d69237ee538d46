// Draws /docs: the OpenAPI document of this service, with nothing from elsewhere.

const url = /** @type {HTMLScriptElement} */ (document.currentScript).dataset.openapi;

addEventListener("DOMContentLoaded", () => {
  const draw = /** @type {{SwaggerUIBundle: (options: object) => void}} */ (
    /** @type {unknown} */ (globalThis)
  ).SwaggerUIBundle;
  draw({ url, dom_id: "#api", deepLinking: true, validatorUrl: null, tryItOutEnabled: true });
});
