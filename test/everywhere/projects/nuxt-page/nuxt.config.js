export default defineNuxtConfig({
  compatibilityDate: "2026-07-01",
  // As the guide to threads says.
  routeRules: {
    "/**": {
      headers: {
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Embedder-Policy": "require-corp",
      },
    },
  },
});
