export default {
  output: "standalone",
  serverExternalPackages: ["latentflow"],
  // The workers' file goes with the server: no import leads to it.
  outputFileTracingIncludes: { "/**": ["./node_modules/latentflow/build/lib/latentflow-worker.*"] },
};
