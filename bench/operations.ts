// Where the time of a z-gradient goes, by kind of operation, in three large decoders of convolutions:
// node --import tsx bench/operations.ts plain [rows]

import { costOf } from "../src/graph/graph.ts";
import { createDecoder, type Decoder } from "../src/index.ts";
import { Graph, Workspace } from "../src/kernels/layout.ts";
import { ARCHITECTURES } from "./architectures.ts";
import { bestOf, compilePeak } from "./peak.ts";
import { makeRig, type Rig } from "./rig.ts";
import { total } from "./timing.ts";

const ROUNDS = 5;
const build = process.argv[2] === "relaxed" ? "relaxed" : "plain";
const rows = Number(process.argv[3] ?? 8);
const peak = await compilePeak(build);

for (const [name, definition] of Object.entries(ARCHITECTURES)) {
  const decoder = createDecoder(definition, { seed: 1, loss: "mse" });
  const rig = await makeRig(
    decoder,
    build === "relaxed",
    new Float32Array(rows * decoder.outputSize).fill(0.5),
  );
  report(name, decoder, measure(rig));
  decoder.dispose();
}

/** Milliseconds of all operations of each kind, forward and backward, a row; and of whole passes. */
interface Times {
  readonly forward: Map<string, number>;
  readonly backward: Map<string, number>;
  readonly whole: number;
  readonly gigaflops: number;
}

/**
 * Times each operation alone, by a graph that begins with it and has no other; the least of some rounds, which a machine that
 * has slow minutes changes least.
 */
function measure(rig: Rig): Times {
  const { packed, kernels, workspace } = rig;
  const { arena, graph, lowered } = packed;
  const view = arena.view();
  const operations = Graph.get(view, graph, "operations");
  const kept = Workspace.get(view, workspace.pointer, "kept");
  const whole: number[] = [];
  const peaks: number[] = [];
  const forward = lowered.operations.map((): number[] => []);
  const backward = lowered.operations.map((): number[] => []);
  const timed = (into: number[], run: () => void) => {
    const start = performance.now();
    run();
    into.push((performance.now() - start) / rows);
  };
  for (let round = 0; round <= ROUNDS; round++) {
    peaks.push(bestOf(peak));
    timed(whole, () => {
      rig.forward(rows);
      rig.backward(rows);
    });
    lowered.operations.forEach((_, i) => {
      Graph.set(view, graph, { operations: operations + 4 * i, operationCount: 1, logitOperations: 1 });
      Workspace.set(view, workspace.pointer, { kept: kept + 4 * i });
      timed(forward[i]!, () => kernels.decode(graph, workspace.pointer, rows, false));
      timed(backward[i]!, () => kernels.objectiveBackward(graph, workspace.pointer, rows));
    });
    const { length } = lowered.operations;
    Graph.set(view, graph, { operations, operationCount: length, logitOperations: lowered.logitOperations });
    Workspace.set(view, workspace.pointer, { kept });
  }
  // The first round compiles.
  const ofKinds = (times: readonly number[][]) => {
    const kinds = new Map<string, number>();
    lowered.operations.forEach(({ kind }, i) => {
      kinds.set(kind, (kinds.get(kind) ?? 0) + Math.min(...times[i]!.slice(1)));
    });
    return kinds;
  };
  return {
    forward: ofKinds(forward),
    backward: ofKinds(backward),
    whole: Math.min(...whole.slice(1)),
    gigaflops: Math.max(...peaks.slice(1)),
  };
}

function report(name: string, decoder: Decoder, { forward, backward, whole, gigaflops }: Times): void {
  const operations = 4 * costOf(decoder).multiplications;
  const share = operations / whole / 1e6 / gigaflops;
  const sum = total([...forward.values()]) + total([...backward.values()]);
  console.log(
    `\n${name}, ${build} build, ${rows} rows: ${whole.toFixed(2)} ms a row, ${share.toFixed(2)} of the peak ` +
      `(${gigaflops.toFixed(1)} GFLOP/s); its operations one by one ${sum.toFixed(2)} ms`,
  );
  console.log("kind               forward  backward");
  const kinds = [...forward.keys()].sort((a, b) => forward.get(b)! - forward.get(a)!);
  for (const kind of kinds) {
    const shares = [forward, backward].map((times) =>
      `${((100 * times.get(kind)!) / sum).toFixed(1)} %`.padStart(9),
    );
    console.log(`${kind.padEnd(16)}${shares.join(" ")}`);
  }
}
