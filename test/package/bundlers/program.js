// One encode on the GPU, beside the same in WASM: does what a bundler has made find all its parts?
import { amd, binaryCrossEntropy, createDecoder, encode } from "latentflow";
import { webgpu } from "latentflow/webgpu";

async function findReport() {
  const decoder = createDecoder({ layers: [2, 3], seed: 1, loss: binaryCrossEntropy() });
  const y = Float32Array.of(0, 0.5, 1);
  const solver = amd({ maxSteps: 3 });
  const { backend, loss } = await encode(decoder, y, { solver, backend: webgpu() });
  const expected = await encode(decoder, y, { solver });
  return { backend: backend.name, lossError: Math.abs(loss[0] - expected.loss[0]) };
}

const report = await findReport().catch(({ message }) => ({ error: message }));
const element = document.createElement("pre");
element.id = "report";
element.textContent = JSON.stringify(report);
document.body.append(element);
