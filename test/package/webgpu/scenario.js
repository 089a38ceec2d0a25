// What a page or a worker does with the library on the GPU. The decoder is tiny: a software adapter compiles each
// shader for a while.
import { amd, binaryCrossEntropy, createDecoder, decode, encode, wasm } from "latentflow";
import { concat, convTranspose, dense, graph, reshape, sigmoid, tanh } from "latentflow/graph";
import { auto, webgpu } from "latentflow/webgpu";

const SAMPLES = 6;
const solver = amd({ t1: 40, tolerance: 0 });

/** Never rejects: what went wrong is in the report. */
export async function runScenario() {
  try {
    return await findReport();
  } catch ({ name, code, message }) {
    return { error: { name, code, message } };
  }
}

async function findReport() {
  const decoder = newDecoder();
  const y = newData(SAMPLES);
  const expected = await encode(decoder, y, { solver });
  const backend = webgpu();
  const first = await encode(decoder, y, { solver, backend });
  const [one, other] = await Promise.all([
    encode(decoder, y, { solver, backend }),
    encode(decoder, y.slice(4), { solver, backend }),
  ]);
  const data = await decode(decoder, first.z, { backend });
  return {
    backend: first.backend,
    status: first.status,
    lossError: largestDifference(first.loss, expected.loss),
    decodeError: largestDifference(data, await decode(decoder, expected.z)),
    atOnceError: Math.max(
      largestDifference(one.loss, first.loss),
      largestDifference(other.loss, first.loss.slice(1)),
    ),
    automatic: (await encode(decoder, y, { solver, backend: auto([backend, wasm()]) })).backend,
    pictureError: await encodePictures(backend),
    afterLoss: await encodeOnLostDevice(decoder, y, first),
  };
}

/** By a convolution, of what is given with each sample. */
async function encodePictures(backend) {
  const decoder = createDecoder(
    graph(({ latent, fixed }) => {
      const pixels = reshape([2, 2, 3])(dense(12)(concat()(latent(2), fixed("label", 1))));
      return sigmoid()(convTranspose({ channels: 1, kernel: 4, stride: 2, padding: 1 })(tanh()(pixels)));
    }),
    { seed: 2, loss: "mse" },
  );
  const y = Float32Array.from({ length: 3 * 16 }, (_, i) => 0.5 + 0.5 * Math.sin(i));
  const options = { solver: amd({ maxSteps: 3 }), fixed: { label: Float32Array.of(-1, 0, 1) } };
  const got = await encode(decoder, y, { ...options, backend });
  return largestDifference(got.loss, (await encode(decoder, y, options)).loss);
}

/** A device that is destroyed once the first sample has ended. */
async function encodeOnLostDevice(decoder, y, expected) {
  const device = await (await navigator.gpu.requestAdapter()).requestDevice();
  const result = await encode(decoder, y, {
    solver,
    backend: webgpu({ device }),
    batchSize: 2,
    onProgress: () => device.destroy(),
  });
  return {
    incidents: result.backend.incidents,
    lossError: largestDifference(result.loss, expected.loss),
  };
}

/** Encodes again and again, and calls `kill` in the middle of each call, until one has met with something. */
export async function encodeUntilKilled(kill) {
  const decoder = newDecoder();
  const y = newData(40);
  const expected = await encode(decoder, y, { solver });
  const backend = webgpu();
  for (;;) {
    let killed;
    const result = await encode(decoder, y, {
      solver,
      backend,
      batchSize: 2,
      // The call waits for it at its end.
      onProgress: () => (killed ??= kill()),
    });
    const { incidents } = result.backend;
    const lossError = largestDifference(result.loss, expected.loss);
    if (incidents) return { incidents, status: result.status, lossError };
    // The kill came after the call's last work. The next call begins once the loss is known, or it would meet with two.
    await new Promise((resolve) => setTimeout(resolve, 2000));
  }
}

const newDecoder = () =>
  createDecoder({ layers: [2, 5, 4], seed: 1, outputActivation: "sigmoid", loss: binaryCrossEntropy() });

function newData(samples) {
  return Float32Array.from({ length: samples * 4 }, (_, i) => 0.5 + 0.5 * Math.sin(i));
}

function largestDifference(a, b) {
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0);
}
