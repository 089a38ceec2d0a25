import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { toNpy } from "../../src/files/npy.ts";
import { createDecoder } from "../../src/index.ts";
import { randomArray } from "../support/random.ts";
import { command, killStartedWith } from "./command.ts";

const PROGRAM = fileURLToPath(new URL("../../build/lib/cli.js", import.meta.url));

/** The scripts that users copy. */
export const EXAMPLES = fileURLToPath(new URL("../../examples/cluster/", import.meta.url));

export const PARTS = 16;
const SAMPLES = 4000;

// Large enough that a part takes about a second: it is to be killed at work, and not at its start.
const LAYERS = [12, 96, 160];

const RESULTS = ["latents.npy", "results.csv"];

/** What a round encodes, in a folder of its own, and what one process makes of it. */
export class Run {
  readonly folder = mkdtempSync(join(tmpdir(), "latentflow-cluster-"));
  readonly out = join(this.folder, "codes");
  /** The environment of the scripts of examples/cluster/, in which `latentflow` is the program that was built. */
  readonly environment: NodeJS.ProcessEnv;
  private readonly started = join(this.folder, "started");

  /** @param seed of the decoder and the samples */
  constructor(seed: number) {
    const decoder = createDecoder({ layers: LAYERS, seed, loss: "mse" });
    writeFileSync(join(this.folder, "decoder.safetensors"), decoder.toSafetensors());
    decoder.dispose();
    const size = LAYERS.at(-1)!;
    const samples = toNpy(randomArray(seed, SAMPLES * size, -1, 1), [SAMPLES, size]);
    writeFileSync(join(this.folder, "samples.npy"), samples);
    const programs = join(this.folder, "programs");
    mkdirSync(programs);
    mkdirSync(this.started);
    writeFileSync(join(programs, "latentflow"), wrapper(this.started), { mode: 0o755 });
    this.environment = {
      ...process.env,
      PATH: `${programs}${delimiter}${process.env.PATH}`,
      PARTS: `${PARTS}`,
      OUT: this.out,
      JOBS: "4",
      DECODER: join(this.folder, "decoder.safetensors"),
      DATA: join(this.folder, "samples.npy"),
    };
  }

  /** The processes of a part so far, in no order. */
  processesOf(part: number): number[] {
    return readdirSync(this.started).flatMap((name) => {
      const [of, pid] = name.split(".");
      return Number(of) === part ? [Number(pid)] : [];
    });
  }

  /** All processes of all parts so far that have not ended. */
  running(): number[] {
    return readdirSync(this.started)
      .map((name) => Number(name.split(".")[1]))
      .filter((pid) => isTask(pid));
  }

  /** Encodes by one process and compares. @throws Error where a byte differs */
  async compare(): Promise<void> {
    const { DECODER, DATA } = this.environment;
    const whole = join(this.folder, "whole");
    const args = ["encode", "--decoder", DECODER!, "--data", DATA!, "--out", whole, "--plain", "--quiet"];
    await command(process.execPath, [PROGRAM, ...args]);
    for (const name of RESULTS) {
      const [merged, expected] = [this.out, whole].map((folder) => readFileSync(join(folder, name)));
      if (!merged!.equals(expected!)) throw new Error(`${name} is not what one process writes`);
    }
  }

  /** Ends all that the scripts have started. */
  async stop(): Promise<void> {
    for (let i = 0; i < 50 && killStartedWith(`OUT=${this.out}`, this.folder) > 0; i++) await delay(100);
  }

  /** Removes the folder. */
  dispose(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Whether a process is the program, and encodes. */
export function isTask(pid: number): boolean {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    return words[1] === PROGRAM && words[2] === "encode";
  } catch {
    return false;
  }
}

/** The program under its name, which leaves a file PART.PID first: so it is known what there is to kill. */
function wrapper(started: string): string {
  return `#!/bin/sh
part=\${SLURM_ARRAY_TASK_ID:-$((\${PARALLEL_SEQ:-0} - 1))}
[ "$1" != encode ] || : > '${started}'/$part.$$
exec '${process.execPath}' '${PROGRAM}' "$@"
`;
}
