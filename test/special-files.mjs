// The test files that test/run.mjs does not treat as the others: each has to be there.

/**
 * They are about the package, its programs and files rather than about numbers, and run on one Node.
 * @type {readonly string[]}
 */
export const runsOnce = [
  "bench-page.test.ts",
  "browser.test.ts",
  "build.test.ts",
  "checkpoint-file.test.ts",
  "checkpoint-kill.test.ts",
  "checkpoint-lock.test.ts",
  "cli.test.ts",
  "cli-decoder.test.ts",
  "cli-files.test.ts",
  "cli-flags.test.ts",
  "cli-fixed.test.ts",
  "cli-inputs.test.ts",
  "cli-parquet.test.ts",
  "cli-priors.test.ts",
  "cli-progress.test.ts",
  "cli-runs.test.ts",
  "cli-sample-axes.test.ts",
  "cli-start.test.ts",
  "cli-train.test.ts",
  "cli-train-decoders.test.ts",
  "cli-training-options.test.ts",
  "cluster-examples.test.ts",
  "command-line-docs.test.ts",
  "declarations.test.ts",
  "docstring-examples.test.ts",
  "documented.test.ts",
  // Installs a package in a folder of the repository, which two runs at a time would do over each other.
  "esrgan.test.ts",
  "everywhere.test.ts",
  "examples-folders.test.ts",
  "examples.test.ts",
  "file-kind.test.ts",
  "fuzz.test.ts",
  // What the compiler says, and what a program does that is killed.
  "how-to-add.test.ts",
  "imports.test.ts",
  "kernel-state.test.ts",
  "onnx-operators.test.ts",
  "package.test.ts",
  "published.test.ts",
  "reproduce.test.ts",
  "reproduce-figures.test.ts",
  "reproduce-parts.test.ts",
  "runner.test.ts",
  "shards-faults.test.ts",
  "shards-hostile.test.ts",
  "shards-killed.test.ts",
  "training-log.test.ts",
  "webgpu-browser.test.ts",
  "where-it-runs.test.ts",
];

/**
 * They compute on a GPU and run on Node 24 only: Dawn, which gives Node WebGPU, does not work with onnxruntime-web on
 * Node 20.
 * @type {readonly string[]}
 */
export const needsNewerNode = [
  "webgpu-auto.test.ts",
  "webgpu-device.test.ts",
  "webgpu-kinds.test.ts",
  "webgpu-objective.test.ts",
  "webgpu-priors.test.ts",
  "webgpu-solvers.test.ts",
];

/**
 * They are begun first, in this order: one that is begun last keeps a single core busy while the other waits.
 * @type {readonly string[]}
 */
export const slowest = [
  "webgpu-kinds.test.ts",
  "webgpu-browser.test.ts",
  "package.test.ts",
  "webgpu-solvers.test.ts",
  "bench-page.test.ts",
  "cli-files.test.ts",
  "how-to-add.test.ts",
  "browser.test.ts",
  "fuzz.test.ts",
  "cli-runs.test.ts",
  "reproduce.test.ts",
  "reproduce-figures.test.ts",
  "reproduce-parts.test.ts",
  "everywhere.test.ts",
  "examples.test.ts",
  "webgpu-device.test.ts",
  "shards-faults.test.ts",
  "cli-priors.test.ts",
  "esrgan.test.ts",
  "operations.test.ts",
  "webgpu-operations.test.ts",
  "webgpu-priors.test.ts",
  "webgpu-objective.test.ts",
];
