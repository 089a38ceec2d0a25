export default defineNuxtConfig({
  compatibilityDate: "2026-07-01",
  nitro: {
    // The workers' file goes with the server: no import leads to it.
    externals: { traceInclude: ["node_modules/latentflow/build/lib/latentflow-worker.js"] },
  },
});
