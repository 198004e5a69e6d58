/** The page's only script of ours: a file, because inline scripts are refused by its policy. */
globalThis.SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#operations",
  deepLinking: true,
  docExpansion: "list",
  // The default asks a server on the internet.
  validatorUrl: null,
});
