import * as latentflow from "/node_modules/latentflow/build/lib/index.js";
import * as training from "/node_modules/latentflow/build/lib/train.js";
import { runScenario } from "../scenario.js";

const demo = "/node_modules/latentflow/demo";
runScenario(
  { ...latentflow, ...training },
  `${demo}/convolutional.safetensors`,
  `${demo}/mnist-test-300.idx.gz`,
);
