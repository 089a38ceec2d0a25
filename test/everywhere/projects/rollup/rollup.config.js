import { nodeResolve } from "@rollup/plugin-node-resolve";

export default {
  input: { main: "main.js", worker: "latentflow/worker" },
  output: { dir: "dist" },
  plugins: [nodeResolve({ browser: true })],
};
