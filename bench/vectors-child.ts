// A process of bench/vectors.ts: prints, as JSON, the least time of each kernel of plain SIMD in many short runs.
import { activations } from "../src/graph/activation.ts";
import { activation, conv, dense, layerNorm, reshape, sequential } from "../src/graph/index.ts";
import { createDecoder, type Decoder } from "../src/index.ts";
import { newInstance } from "../src/kernels/instance.ts";
import { LOSS_CODES } from "../src/kernels/layout.ts";
import { benchKernels } from "./kernels.ts";
import { benchDecoder, makeRig } from "./rig.ts";

/** Milliseconds of a run: one in which nothing else takes the core is soon found. */
const RUN = 0.3;
const [seconds = "10"] = process.argv.slice(2);

const DEPTH = 304;
const WIDTH = 304;
const ROWS = [1, 2, 3, 4, 5, 8, 16, 32, 36, 96, 128];

/** Work to be timed, by its name. */
const work = new Map<string, () => void>();

await addKernels();
await addPasses("z-gradient of the paper's decoder", await benchDecoder(), [1, 5, 32]);
await addPasses("z-gradient, convolutions of 32 channels", convolutions(), [8]);
await addPasses("z-gradient, layer norms", norms(), [8]);
console.log(JSON.stringify(measure(Number(seconds))));

async function addKernels(): Promise<void> {
  const { module } = await benchKernels(false);
  const { arena, kernels } = await newInstance(module);
  const { memory } = arena;
  let end = memory.buffer.byteLength;
  const take = (floats: number, value: number): number => {
    const start = end;
    end += 64 * Math.ceil(floats / 16);
    memory.grow(Math.ceil((end - memory.buffer.byteLength) / 65536 + 1));
    new Float32Array(memory.buffer, start, floats).fill(value);
    return start;
  };
  const pointers = (rows: number, width: number) => {
    const row = take(rows * width, 0.01);
    const list = take(rows, 0);
    new Uint32Array(memory.buffer, list, rows).set(
      Array.from({ length: rows }, (_, i) => row + 4 * width * i),
    );
    return list;
  };
  const panels = take(DEPTH * WIDTH, 0.01);
  const bias = take(WIDTH, 0.01);
  for (const rows of ROWS) {
    const [from, to] = [pointers(rows, DEPTH), pointers(rows, WIDTH)];
    work.set(`dense, rows: ${rows}`, () => kernels.multiply(rows, from, to, panels, bias, DEPTH, WIDTH / 8));
  }
  const slopes = take(WIDTH, 1);
  for (const [kind, name] of Object.keys(activations).entries()) {
    if (name === "identity") continue;
    // Applied again and again, none leads from 30 to subnormals, which take longer.
    const values = take(WIDTH, 30);
    work.set(name, () => kernels.activationForward(kind, 2, values, slopes, 0, WIDTH));
  }
  const [ones, values] = [take(WIDTH, 1), take(WIDTH, 1)];
  work.set("gradient of an activation", () => kernels.activationBackward(ones, values, WIDTH));
  const [outputs, targets, gradients] = [take(WIDTH, 0.5), take(WIDTH, 0.25), take(WIDTH, 0)];
  for (const [name, code] of Object.entries(LOSS_CODES)) {
    if (name === "custom") continue;
    work.set(`loss ${name}`, () => void kernels.lossForward(code, outputs, targets, 0, WIDTH));
    work.set(`gradient of ${name}`, () =>
      kernels.lossBackward(code, outputs, targets, 0, 1, gradients, WIDTH),
    );
  }
}

async function addPasses(name: string, decoder: Decoder, counts: readonly number[]): Promise<void> {
  const y = new Float32Array(Math.max(...counts) * decoder.outputSize).fill(0.3);
  const rig = await makeRig(decoder, false, y);
  for (const rows of counts) {
    work.set(`${name}, rows: ${rows}`, () => {
      rig.forward(rows);
      rig.backward(rows);
    });
  }
}

function convolutions(): Decoder {
  const layer = () => [conv({ channels: 32, kernel: 3, padding: 1 }), activation("relu")];
  const layers = [dense(8 * 8 * 32), reshape([8, 8, 32]), ...layer(), ...layer()];
  return createDecoder(sequential(8, layers), { seed: 1, loss: "mse" });
}

function norms(): Decoder {
  const layers = [dense(512), reshape([32, 16]), ...Array.from({ length: 8 }, () => layerNorm())];
  return createDecoder(sequential(2, layers), { seed: 1, loss: "mse" });
}

/** Least milliseconds of each piece of work, over so many seconds; the first quarter is for V8 to optimise. */
function measure(total: number): Record<string, number> {
  const start = performance.now();
  const elapsed = () => (performance.now() - start) / 1000;
  const least = new Map<string, number>();
  const repeats = new Map<string, number>();
  let isWarm = false;
  while (elapsed() < total) {
    if (!isWarm && elapsed() > total / 4) {
      isWarm = true;
      least.clear();
    }
    for (const [name, run] of work) {
      const count = repeats.get(name) ?? 1;
      const begin = performance.now();
      for (let i = 0; i < count; i++) run();
      const each = (performance.now() - begin) / count;
      least.set(name, Math.min(each, least.get(name) ?? Number.POSITIVE_INFINITY));
      repeats.set(name, Math.max(1, Math.round(RUN / least.get(name)!)));
    }
  }
  return Object.fromEntries(least);
}
