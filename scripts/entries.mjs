/** Sources of the library's entries, by the names of their files in build/lib/; package.json exports them. */
export const entries = {
  index: "src/index.ts",
  train: "src/train/index.ts",
  data: "src/train/data.ts",
  webgpu: "src/backend/webgpu/index.ts",
  graph: "src/graph/index.ts",
  onnx: "src/onnx/index.ts",
  images: "src/images/index.ts",
  "images-png": "src/images/png.ts",
  measure: "src/measure/index.ts",
};

/** Source of the workers' file. */
export const worker = "src/backend/wasm/threads/latentflow-worker.ts";
