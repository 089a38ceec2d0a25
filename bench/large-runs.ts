// Throughput, memory and overhead of large runs, from 1,000 to a million samples, by 1 to 4 processes of a thread each:
// npm run bench:parts [-- --quick]. Parts, one for each process, are compared with a run of one part, which is not saved. The
// overhead is the processor time of all processes and of merge, over that of this run, less 1. MB are 10^6 bytes.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { availableParallelism, cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createRandom } from "../src/base/random.ts";
import { npyHeader } from "../src/files/npy.ts";
import { createDecoder, decode, wasm } from "../src/index.ts";
import { testDigits } from "./rig.ts";

const { values } = parseArgs({ options: { quick: { type: "boolean", default: false } } });
const program = fileURLToPath(new URL("../build/lib/cli.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "latentflow-parts-"));
const WRITTEN_AT_ONCE = 10_000;

/** What is encoded: samples of a decoder, as many as are asked for. */
interface Work {
  readonly name: string;
  readonly decoder: string;
  readonly counts: readonly number[];
  /** Writes a file of so many samples. */
  readonly write: (file: string, count: number) => Promise<void>;
}

/** What processes that run beside each other cost. */
interface Cost {
  /** Wall-clock time from the first start to the last end. */
  readonly seconds: number;
  /** Processor time, of all processes together. */
  readonly cpuSeconds: number;
  /** The largest resident memory of one process, in 10^6 bytes. */
  readonly megabytes: number;
}

/** A preload by which a process writes at its end what it has cost: later nobody can ask the system for it. */
const measured = `
  process.on("exit", () => {
    const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
    require("node:fs").writeSync(3, JSON.stringify({ cpu: (userCPUTime + systemCPUTime) / 1e6, megabytes: maxRSS * 1024 / 1e6 }));
  });
`;
const preload = join(folder, "measured.cjs");
writeFileSync(preload, measured);

function start(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, ["--require", preload, program, ...args], {
    stdio: ["ignore", "ignore", "inherit", "pipe"],
  });
}

async function costOf(commands: readonly (readonly string[])[]): Promise<Cost> {
  const begin = performance.now();
  const said = await Promise.all(
    commands.map(async (args) => {
      const child = start(args);
      let text = "";
      (child.stdio[3] as NodeJS.ReadableStream).on("data", (piece) => {
        text += piece;
      });
      const [code] = await once(child, "close");
      if (code !== 0) throw new Error(`latentflow ${args.join(" ")} ended with ${code}`);
      return JSON.parse(text) as { cpu: number; megabytes: number };
    }),
  );
  return {
    seconds: (performance.now() - begin) / 1000,
    cpuSeconds: said.reduce((sum, { cpu }) => sum + cpu, 0),
    megabytes: Math.max(...said.map(({ megabytes }) => megabytes)),
  };
}

/** Digits of the test file in a random order, each shifted by up to 2 pixels, as bytes. */
async function writeDigits(file: string, count: number): Promise<void> {
  const digits = await testDigits(10_000);
  const random = createRandom(1);
  await writeRows(file, count, [28, 28], (row) => {
    const first = 784 * random.below(10_000);
    const [dx, dy] = [random.below(5) - 2, random.below(5) - 2];
    for (let i = 0; i < 784; i++) {
      const [x, y] = [(i % 28) - dx, Math.floor(i / 28) - dy];
      row[i] = x < 0 || x > 27 || y < 0 || y > 27 ? 0 : digits[first + 28 * y + x]!;
    }
  });
}

const small = createDecoder({ layers: [8, 32, 64], loss: "mse", seed: 1 });

/** What the small decoder makes of random codes. */
async function writeSmall(file: string, count: number): Promise<void> {
  const random = createRandom(2);
  const codes = Float32Array.from({ length: 8 * WRITTEN_AT_ONCE }, () => 2 * random.uniform() - 1);
  const rows = await decode(small, codes, { backend: wasm({ threads: 1 }) });
  let next = 0;
  await writeRows(file, count, [64], (row) => {
    const first = 64 * (next++ % WRITTEN_AT_ONCE);
    for (let i = 0; i < 64; i++) row[i] = rows[first + i]! + 0.01 * (random.uniform() - 0.5);
  });
}

async function writeRows(
  file: string,
  count: number,
  shape: readonly number[],
  fill: (row: Float32Array) => void,
): Promise<void> {
  const size = shape.reduce((product, length) => product * length, 1);
  const handle = openSync(file, "w");
  writeSync(handle, npyHeader([count, ...shape]));
  for (let done = 0; done < count; done += WRITTEN_AT_ONCE) {
    const rows = Math.min(WRITTEN_AT_ONCE, count - done);
    const block = new Float32Array(rows * size);
    for (let row = 0; row < rows; row++) fill(block.subarray(row * size, (row + 1) * size));
    writeSync(handle, new Uint8Array(block.buffer));
  }
  closeSync(handle);
}

const smallFile = join(folder, "small.safetensors");
writeFileSync(smallFile, small.toSafetensors());
const works: Work[] = [
  {
    name: "MNIST digits, 20 → 150 → 300 → 600 → 784",
    decoder: fileURLToPath(new URL("../demo/decoder.safetensors", import.meta.url)),
    counts: values.quick ? [1000] : [1000, 10_000, 100_000],
    write: writeDigits,
  },
  {
    name: "8 → 32 → 64",
    decoder: smallFile,
    counts: values.quick ? [1000, 100_000] : [1000, 10_000, 100_000, 1_000_000],
    write: writeSmall,
  },
];

const [cpu] = cpus();
console.log(
  `${cpu!.model.trim()}, ${availableParallelism()} cores; Node ${process.version}; load before the run ${loadavg()[0]!.toFixed(1)}\n`,
);
for (const work of works) {
  console.log(`${work.name}\n`);
  console.log(
    "| samples | processes | samples a second | MB a process | merge, s | MB of merge | overhead |",
  );
  console.log("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
  for (const count of work.counts) {
    const data = join(folder, "data.npy");
    await work.write(data, count);
    const encoding = [
      "encode",
      "--decoder",
      work.decoder,
      "--data",
      data,
      "--plain",
      "--threads",
      "1",
      "--quiet",
    ];
    const whole = join(folder, "whole");
    const alone = await costOf([[...encoding, "--out", whole, "--parts", "1"]]);
    row(count, "1, nothing saved", count / alone.seconds, alone.megabytes);
    for (const processes of [1, 2, 4]) {
      const out = join(folder, `parts-${processes}`);
      const tasks = Array.from({ length: processes }, (_, index) => [
        ...[...encoding, "--out", out, "--part", `${index}/${processes}`],
      ]);
      const cost = await costOf(tasks);
      const merge = await costOf([["merge", out, "--quiet"]]);
      const overhead = (cost.cpuSeconds + merge.cpuSeconds) / alone.cpuSeconds - 1;
      row(count, `${processes}`, count / cost.seconds, cost.megabytes, merge, overhead);
      for (const name of ["latents.npy", "results.csv"]) {
        const [expected, found] = [readFileSync(join(whole, name)), readFileSync(join(out, name))];
        if (!expected.equals(found)) throw new Error(`${name} is not what one process writes`);
      }
      rmSync(out, { recursive: true });
    }
    console.error(`${(statSync(data).size / 1e6).toFixed(0)} MB of data`);
    rmSync(whole, { recursive: true });
  }
  console.log();
}
rmSync(folder, { recursive: true });

function row(
  samples: number,
  processes: string,
  perSecond: number,
  megabytes: number,
  merge?: Cost,
  overhead?: number,
): void {
  const cells = [
    samples.toLocaleString("en"),
    processes,
    Math.round(perSecond).toLocaleString("en"),
    megabytes.toFixed(0),
    merge ? merge.seconds.toFixed(1) : "",
    merge ? merge.megabytes.toFixed(0) : "",
    overhead === undefined ? "" : `${(100 * overhead).toFixed(1)} %`,
  ];
  console.log(`| ${cells.join(" | ")} |`);
}
