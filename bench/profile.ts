// npm run bench -- --profile: where the time of encode and of training goes, in one runtime and build. Calls into WASM
// are timed as they are made; what happens inside one is shared out by the times of its kernels on the same number of
// rows (parts.ts), measured before and after.

import { compileKernels } from "../src/backend/wasm/load.ts";
import { residentRows } from "../src/backend/wasm/pacer.ts";
import { packDecoder } from "../src/backend/wasm/packed.ts";
import { binaryCrossEntropy, createDecoder, encode } from "../src/index.ts";
import { createDataset, rmsprop, train } from "../src/train/index.ts";
import { measureParts, type PassParts } from "./parts.ts";
import { benchDecoder, makeRig, type Rig, testDigits } from "./rig.ts";
import { timedBackend } from "./timed-backend.ts";

const ENCODED = 500;
const TRAINED = 240;
const MINI_BATCH = 5;

const relaxed = process.argv[2] === "relaxed";
console.log(`\n${process.version}, ${relaxed ? "relaxed" : "plain"} build: shares of the time`);
await profileEncode();
await profileTraining();

async function profileEncode(): Promise<void> {
  const decoder = await benchDecoder();
  const compiled = await compileKernels(relaxed);
  const start = performance.now();
  await packDecoder(decoder, compiled);
  const packing = performance.now() - start;
  const outputs = decoder.layers.reduce((sum, { outputSize }) => sum + outputSize, 0);
  const residents = residentRows(decoder.parameterCount, outputs);
  const rig = await makeRig(decoder, relaxed, residents);

  const spent = new Map<string, number>();
  const backend = timedBackend(relaxed, spent);
  const before = measureParts(rig, residents);
  const { seconds, stats } = await encode(decoder, await testDigits(ENCODED), { backend });
  const after = measureParts(rig, residents);

  const total = (counts: Uint32Array) => counts.reduce((sum, count) => sum + count, 0);
  const passes = { forward: total(stats.valueEvaluations), backward: total(stats.gradientEvaluations) };
  const part = (name: keyof PassParts["forward"]) =>
    (["forward", "backward"] as const).reduce(
      (sum, direction) => sum + (passes[direction] * (before[direction][name] + after[direction][name])) / 2,
      0,
    );
  const [products, activations, loss] = [part("products"), part("activations"), part("loss")];
  const inWasm = spent.get("solveAmd") ?? 0;
  const all = seconds * 1000 + packing;
  print(`encode, ${ENCODED} digits by amd, ${residents} resident`, {
    "matrix products": products / all,
    activations: activations / all,
    loss: loss / all,
    "line search and rest of WASM": (inWasm - products - activations - loss) / all,
    packing: packing / all,
    JavaScript: (seconds * 1000 - inWasm) / all,
  });
}

async function profileTraining(): Promise<void> {
  const layers = [20, 150, 300, 600, 784];
  const decoder = createDecoder({ layers, loss: binaryCrossEntropy(), outputShape: [28, 28] });
  const digits = createDataset(await testDigits(TRAINED), { shape: [28, 28] });
  const rig = await makeRig(await benchDecoder(), relaxed, MINI_BATCH);
  const split = zGradientShares(rig, MINI_BATCH);
  const spent = new Map<string, number>();
  const start = performance.now();
  await train(decoder, digits, {
    optimizer: rmsprop(),
    batchSize: MINI_BATCH,
    backend: timedBackend(relaxed, spent),
  });
  const all = performance.now() - start;

  const share = (...names: string[]) => names.reduce((sum, name) => sum + (spent.get(name) ?? 0), 0) / all;
  const flow = share("solveAmd", "objectiveValue", "objectiveGradient");
  const named = ["solveAmd", "objectiveValue", "objectiveGradient", "objectiveParameterGradient", "pack"];
  const others = [...spent.keys()].filter((name) => !named.includes(name));
  print(`training, mini-batch ${MINI_BATCH}, ${TRAINED} digits`, {
    "flow: matrix products": flow * split.products,
    "flow: activations": flow * split.activations,
    "flow: loss": flow * split.loss,
    "flow: line search and rest of WASM": flow * split.rest,
    "gradient for the parameters": share("objectiveParameterGradient"),
    packing: share("pack"),
    [others.join(", ")]: share(...others),
    JavaScript: 1 - share(...spent.keys()),
  });
  console.log(`  (the flow's time is shared out as a z-gradient's of ${MINI_BATCH} rows)`);
}

/** What a z-gradient of so many rows consists of. */
function zGradientShares(rig: Rig, rows: number) {
  const { forward, backward } = measureParts(rig, rows);
  const whole = forward.whole + backward.whole;
  const shares = {
    products: (forward.products + backward.products) / whole,
    activations: (forward.activations + backward.activations) / whole,
    loss: (forward.loss + backward.loss) / whole,
  };
  return { ...shares, rest: 1 - shares.products - shares.activations - shares.loss };
}

function print(title: string, shares: Readonly<Record<string, number>>): void {
  console.log(title);
  for (const [name, share] of Object.entries(shares)) {
    console.log(`  ${name.padEnd(36)} ${(100 * share).toFixed(1).padStart(5)} %`);
  }
}
