// npm run bench -- --profile: where the time of encode and of training goes, in one runtime and build. Calls into WASM
// are timed as they are made, of encode each phase of a solver's rounds; what happens inside a pass is shared out by the
// times of its kernels on the same number of rows (parts.ts), measured before and after.

import { residentRows } from "../src/backend/wasm/batch-size.ts";
import { type PackedDecoder, packDecoder } from "../src/backend/wasm/packed.ts";
import { type Amd, amd, binaryCrossEntropy, createDecoder, encode, type Lbfgs, lbfgs } from "../src/index.ts";
import type { Kernels } from "../src/kernels/instance.ts";
import { GaussNewton, LineSearch, Request, Sample, Workspace } from "../src/kernels/layout.ts";
import { createDataset, rmsprop, train } from "../src/train/index.ts";
import { benchBackend, benchKernels } from "./kernels.ts";
import { measureParts, type PassParts } from "./parts.ts";
import { benchDecoder, makeDigitRig, type Rig, testDigits } from "./rig.ts";
import { timedBackend } from "./timed-backend.ts";
import { median, total } from "./timing.ts";

const ENCODED = 500;
const SINGLE_DIGITS = 200;
/** Runs, the median of whose overhead is held against the target; the shares are those of the first. */
const RUNS = 7;
const TRAINED = 240;
const MINI_BATCH = 5;

const relaxed = process.argv[2] === "relaxed";
console.log(`\n${process.version}, ${relaxed ? "relaxed" : "plain"} build: shares of the time`);
await profileEncode(lbfgs());
await profileEncode(amd());
await profileOneDigit();
await profileTraining();

async function profileEncode(solver: Amd | Lbfgs): Promise<void> {
  const decoder = await benchDecoder();
  const compiled = await benchKernels(relaxed);
  const start = performance.now();
  const packed = await packDecoder(decoder, compiled);
  const packing = performance.now() - start;
  const residents = residentRows(decoder);
  const rig = await makeDigitRig(decoder, relaxed, residents);

  const phases = new Map<Phase, number>();
  const watched = solveInPhases(packed, phases);
  const before = measureParts(rig, residents);
  const backend = benchBackend(relaxed);
  const y = await testDigits(ENCODED);
  const begin = performance.now();
  const { stats } = await encode(decoder, y, { backend, solver });
  const end = performance.now();
  const after = measureParts(rig, residents);

  const passes = { forward: total(stats.valueEvaluations), backward: total(stats.gradientEvaluations) };
  const part = (name: keyof PassParts["forward"]) =>
    (["forward", "backward"] as const).reduce(
      (sum, direction) => sum + (passes[direction] * (before[direction][name] + after[direction][name])) / 2,
      0,
    );
  const phase = (name: Phase) => phases.get(name) ?? 0;
  const inPasses = phase("value") + phase("gradient");
  const parts = part("products") + part("activations") + part("loss");
  const rounds = end - watched.firstRound;
  const all = packing + watched.firstRound - begin + rounds;
  print(`encode, ${ENCODED} digits by ${solver.name}, ${residents} resident`, {
    "matrix products": (inPasses * part("products")) / parts / all,
    activations: (inPasses * part("activations")) / parts / all,
    loss: (inPasses * part("loss")) / parts / all,
    "proposing and accepting": (phase("propose") + phase("acceptSteps")) / all,
    ...(solver.name === "amd"
      ? { "lengths of gradients": phase("takeGradients") / all }
      : {
          "pairs, two loops": phase("takeGradients") / all,
          "matrices JᵀWJ": phase("matrices") / all,
          "their factors, fit, two loops": phase("factors") / all,
          "preconditioner, start": (watched.firstRound - begin) / all,
        }),
    packing: packing / all,
    "JavaScript, staging": (rounds - watched.inRounds) / all,
  });
  const ratios = [rounds / inPasses];
  while (ratios.length < RUNS) {
    phases.clear();
    watched.firstRound = Number.NaN;
    await encode(decoder, y, { backend, solver });
    ratios.push((performance.now() - watched.firstRound) / (phase("value") + phase("gradient")));
  }
  console.log(
    `  encode ÷ its passes: ${median(ratios).toFixed(3)}   target <= ${solver.name === "amd" ? 1.05 : 1.15}`,
  );
  decoder.dispose();
}

/**
 * Calls with a single digit each, made twice: as they are, and with their phases timed, which takes time itself. What is in
 * the first and in no phase of the second is JavaScript. Shares are medians.
 */
async function profileOneDigit(): Promise<void> {
  const decoder = await benchDecoder();
  const packed = await packDecoder(decoder, await benchKernels(relaxed));
  const backend = benchBackend(relaxed);
  const digits = await testDigits(SINGLE_DIGITS);
  const { outputSize: n } = decoder;
  const phases = new Map<Phase, number>();
  const { kernels } = packed;
  solveInPhases(packed, phases);
  const { kernels: inPhases } = packed;

  async function timed(y: Float32Array, by: Kernels): Promise<number> {
    Object.assign(packed, { kernels: by });
    const start = performance.now();
    await encode(decoder, y, { backend });
    return performance.now() - start;
  }

  async function call(i: number) {
    const y = digits.slice(i * n, (i + 1) * n);
    const milliseconds = await timed(y, kernels);
    phases.clear();
    await timed(y, inPhases);
    return { milliseconds, phases: new Map(phases) };
  }

  type Call = Awaited<ReturnType<typeof call>>;
  const inPhase = ({ phases }: Call, ...names: Phase[]) => total(names.map((name) => phases.get(name) ?? 0));
  const inPasses = (call: Call) => inPhase(call, "value", "gradient");
  const calls: Call[] = [];
  // The first ones only until the machine code is what it stays.
  for (let i = 0; i < SINGLE_DIGITS; i++) await call(i);
  for (let i = 0; i < SINGLE_DIGITS; i++) calls.push(await call(i));
  const ofPasses = (part: (call: Call) => number) => median(calls.map((call) => part(call) / inPasses(call)));
  print("one digit by lbfgs, alone: shares of its passes", {
    "proposing and accepting": ofPasses((call) => inPhase(call, "propose", "acceptSteps")),
    "pairs, two loops": ofPasses((call) => inPhase(call, "takeGradients")),
    "matrices JᵀWJ": ofPasses((call) => inPhase(call, "matrices")),
    "their factors, fit, two loops": ofPasses((call) => inPhase(call, "factors")),
    JavaScript: ofPasses((call) => call.milliseconds - inPhase(call, ...call.phases.keys())),
  });
  const milliseconds = median(calls.map((call) => call.milliseconds));
  const ratio = ofPasses((call) => call.milliseconds);
  console.log(`  ${milliseconds.toFixed(2)} ms; call ÷ its passes: ${ratio.toFixed(3)}   target <= 1.15`);
  decoder.dispose();
}

/** What a solver's rounds consist of. */
type Phase = "propose" | "value" | "acceptSteps" | "gradient" | "takeGradients" | "matrices" | "factors";

/**
 * Has a solver's rounds in WASM go phase by phase from now on, as assembly/solve/rounds.ts has them, and adds up the
 * milliseconds of each. What is returned tells when the first round began, before which a preconditioner is made, and
 * the milliseconds of all rounds together.
 */
function solveInPhases(packed: PackedDecoder, spent: Map<Phase, number>) {
  const { kernels, arena, graph } = packed;
  const watched = { firstRound: Number.NaN, inRounds: 0 };
  function timed<T>(phase: Phase, work: () => T): T {
    const start = performance.now();
    const result = work();
    spent.set(phase, (spent.get(phase) ?? 0) + performance.now() - start);
    return result;
  }

  /** Gives a row what it asks for; returns the passes that it took. */
  function serve(solver: number, workspace: number, work: number, row: number): number {
    const view = arena.view();
    const [residents, d] = [LineSearch.get(view, solver, "residents"), packed.decoder.latentSize];
    const request = Sample.get(view, view.getUint32(residents + 4 * row, true), "request");
    if (request === Request.curvatureAlongGradient) {
      const along = timed("matrices", () => kernels.objectiveCurvatureAlong(graph, workspace, work, row));
      kernels.solverTakeCurvature(solver, row, along);
      return 1;
    }
    const isOwn = request === Request.ownMatrix;
    timed("matrices", () => {
      if (isOwn) kernels.objectiveGaussNewton(graph, workspace, work, row);
      else kernels.objectiveSharedGaussNewton(graph, workspace, work, row);
    });
    const matrix = GaussNewton.get(view, work, "matrix");
    const stride = GaussNewton.get(view, work, "matrixStride");
    timed("factors", () => kernels.solverTakeMatrix(solver, row, matrix, stride));
    return isOwn ? d : 1;
  }

  function solverRun(...[solver, , workspace, work, most, refill]: Parameters<Kernels["solverRun"]>): number {
    const start = performance.now();
    if (Number.isNaN(watched.firstRound)) watched.firstRound = start;
    const view = arena.view();
    const rows = Workspace.get(view, workspace, "rows");
    let passes = 0;
    do {
      const count = timed("propose", () => kernels.solverPropose(solver, workspace, refill));
      if (count === 0) break;
      timed("value", () => kernels.objectiveValue(graph, workspace, count));
      const goOn = timed("acceptSteps", () => kernels.solverAcceptSteps(solver, workspace, count));
      timed("gradient", () => kernels.objectiveGradient(graph, workspace, goOn));
      const requests = timed("takeGradients", () => kernels.solverTakeGradients(solver, workspace, goOn));
      passes += count + goOn;
      for (const row of arena.i32(rows, requests).slice()) passes += serve(solver, workspace, work, row);
    } while (passes < most);
    watched.inRounds += performance.now() - start;
    return passes;
  }

  Object.assign(packed, { kernels: { ...kernels, solverRun } });
  return watched;
}

async function profileTraining(): Promise<void> {
  const layers = [20, 150, 300, 600, 784];
  const decoder = createDecoder({ layers, loss: binaryCrossEntropy(), outputShape: [28, 28] });
  const digits = createDataset(await testDigits(TRAINED), { shape: [28, 28] });
  const rig = await makeDigitRig(await benchDecoder(), relaxed, MINI_BATCH);
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
  const flow = share("solverRun", "objectiveValue", "objectiveGradient");
  const named = ["solverRun", "objectiveValue", "objectiveGradient", "objectiveParameterGradient", "pack"];
  const others = [...spent.keys()].filter((name) => !named.includes(name));
  print(`training, mini-batch ${MINI_BATCH}, ${TRAINED} digits`, {
    "flow: matrix products": flow * split.products,
    "flow: activations": flow * split.activations,
    "flow: loss": flow * split.loss,
    "flow: the rest of WASM": flow * split.rest,
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
