import { readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { checksum, showChecksum } from "../base/checksum.ts";
import { messageOf } from "../base/realms.ts";
import { bytesIn } from "../base/values.ts";
import { activation, conv, dense, reshape, sequential } from "../graph/index.ts";
import { createDecoder, encode, lbfgs, wasm } from "../index.ts";
import { canRunRelaxed } from "../kernels/load.ts";
import { train } from "../train/index.ts";

// Switches on 256-bit vectors. WebAssembly's vectors have 128 bits; with an experimental flag V8 joins two of them to one of
// 256. The program then runs kernels with tiles for joined vectors. It unsets the flag if these kernels give other bits than
// those for 128 in a fixed test case.

/**
 * V8's flag that makes it compute pairs of 128-bit vectors as one of 256 bits. It applies to the whole process, worker
 * threads included.
 */
export const REVECTORIZE = "--experimental-wasm-revectorize";

/** V8's flag that makes it optimise hot functions at once, instead of on another thread. */
const SYNC_TIER_UP = "--wasm-sync-tier-up";

/** Values of `--vectors`. */
export const VECTOR_CHOICES = ["128", "auto"] as const;

/** The vectors that V8 computes the arithmetic of the kernels with. */
export interface Vectors {
  readonly bits: 128 | 256;
  /** The kernels for 256 bits, compiled; undefined for 128. */
  readonly module?: WebAssembly.Module;
  /** Why 128 bits are used although `--vectors auto` was given. */
  readonly reason?: string;
}

/** Name of the kernels' build, on which the bits of results depend. */
export type BuildName = "plain" | "relaxed";

/**
 * CRC-32 of the codes, losses and parameters of the fixed test case in `checksumOfCase`, by build. To be updated when a change of
 * the kernels alters results.
 */
export const CASE_CHECKSUMS: Readonly<Record<BuildName, string>> = { plain: "0ac4fef1", relaxed: "640f3b5a" };

/** First major version of Node whose V8 joins all pairs of vectors in the tiles of matrix products. */
const FIRST_NODE = 24;

/** The build that the process runs, and its vectors. */
interface ChosenVectors extends Vectors {
  readonly build: BuildName;
}

let chosen: ChosenVectors | undefined;

/** True while V8's flag for 256-bit vectors is set by this module. */
let hasFlag = false;

/** Returns what `--vectors` chose for this process; undefined before that, and for commands without the option. */
export function chosenVectors(): ChosenVectors | undefined {
  return chosen;
}

/**
 * Applies `--vectors`. Must be called before the process compiles the kernels.
 *
 * @param plain true if the plain build will run, false for the best one that can
 */
export async function chooseVectors(choice: (typeof VECTOR_CHOICES)[number], plain: boolean): Promise<void> {
  const build = !plain && canRunRelaxed() ? "relaxed" : "plain";
  const vectors = choice === "auto" ? await widenVectors(build, CASE_CHECKSUMS[build]) : narrowVectors();
  chosen = { build, ...vectors };
}

/**
 * Sets V8's flag for 256-bit vectors, and unsets it if the fixed test case in `checksumOfCase` then fails or gives
 * different bits.
 *
 * @param expected checksum of the test case
 */
export async function widenVectors(build: BuildName, expected: string): Promise<Vectors> {
  const reason = whyNot();
  if (reason !== undefined) return narrowVectors(reason);
  setFlagsFromString(REVECTORIZE);
  hasFlag = true;
  try {
    const module = new WebAssembly.Module(wideKernels(build));
    const found = await checksumOfCase(module);
    if (found === expected) return { bits: 256, module };
    return narrowVectors("the self-check found other bits");
  } catch (error) {
    return narrowVectors(`the self-check failed: ${messageOf(error)}`);
  }
}

/**
 * Reads the binary of the kernels with tiles for 256-bit vectors. It computes the same bits as the kernels for 128 bits
 * of the given build, faster where V8 joins vectors, slower elsewhere.
 */
export function wideKernels(build: BuildName): Uint8Array<ArrayBuffer> {
  // From the source: what was compiled last. In the package: beside the program, in build/lib/.
  const folder = import.meta.url.endsWith("/src/cli/vectors.ts") ? "../../build/wasm" : "./wasm";
  return Uint8Array.from(readFileSync(new URL(`${folder}/${build}-wide.wasm`, import.meta.url)));
}

/**
 * Unsets V8's flag for 256-bit vectors if it was set, by this module or when Node was started; otherwise leaves the
 * flag alone, since an older V8 does not know it. Returns 128 bits, with `reason` if given.
 */
function narrowVectors(reason?: string): Vectors {
  if (hasFlag || isStartedWithRevectorize()) setFlagsFromString(opposite(REVECTORIZE));
  hasFlag = false;
  return { bits: 128, ...(reason !== undefined && { reason }) };
}

/** Returns why V8 cannot use 256-bit vectors in this process; undefined if it may. */
function whyNot(): string | undefined {
  const { arch, versions, platform } = process;
  if (Number(versions.node.split(".")[0]) < FIRST_NODE) {
    return `256 need Node ${FIRST_NODE} or later, this is ${versions.node}`;
  }
  if (arch !== "x64") return `256 need a processor of x64, this is ${arch}`;
  const opposed = OPPOSED.find(isStartedWith);
  if (opposed !== undefined) return `256 are not possible in Node started with ${opposed}`;
  // V8 ignores the flag on processors without AVX2. Nearly all processors with a fused multiply-add have AVX2.
  if (!canRunRelaxed() || (platform === "linux" && !hasAvx2())) return "256 need a processor with AVX2";
  return undefined;
}

/** V8 flags that rule out 256-bit vectors: V8 then does not join pairs of 128-bit vectors, or cannot set flags at run time. */
const OPPOSED = [
  opposite(REVECTORIZE),
  ...["--no-enable-avx", "--no-enable-avx2", "--no-enable-fma3"],
  ...["--liftoff-only", "--no-wasm-tier-up", "--jitless", "--freeze-flags-after-init"],
];

/** Returns the name of the flag that unsets a flag of V8. */
function opposite(flag: string): string {
  return flag.replace("--", "--no-");
}

/** True if Node was started with V8's flag for 256-bit vectors. */
export function isStartedWithRevectorize(): boolean {
  return isStartedWith(REVECTORIZE);
}

/** True if Node was started with this flag of V8, which may be written with underscores, and `--no-` without its second hyphen. */
function isStartedWith(flag: string): boolean {
  const spellings = [flag, flag.replace(/^--no-/, "--no")];
  return process.execArgv.some((given) => spellings.includes(given.replaceAll("_", "-")));
}

/** Returns false if the operating system lists the processor's features, and AVX2 is not among them. */
function hasAvx2(): boolean {
  try {
    return /\bavx2\b/.test(readFileSync("/proc/cpuinfo", "utf8"));
  } catch {
    return true;
  }
}

/**
 * Encodes samples with a decoder of dense layers and a convolution, and trains it by them, three times, the first time on
 * unoptimised kernels.
 *
 * @param module a build of the kernels
 * @param run encodes the samples; tests give another function than `encode`
 * @returns CRC-32 of the codes, the losses and the trained parameters, in hexadecimal
 * @throws Error if the runs differ, that is, if optimised kernels compute other bits than those of V8's baseline compiler
 */
export async function checksumOfCase(
  module: WebAssembly.Module,
  run: (...args: Parameters<typeof encode>) => ReturnType<typeof encode> = encode,
): Promise<string> {
  const decoder = createDecoder(
    sequential(5, [
      ...[dense(7 * 7 * 8), activation("elu"), reshape([7, 7, 8])],
      ...[
        conv({ channels: 24, kernel: 3 }),
        activation("silu"),
        reshape([25 * 24]),
        dense(90),
        activation("sigmoid"),
      ],
    ]),
    { seed: 1, loss: "bce" },
  );
  const rows = 13;
  const y = Float32Array.from({ length: rows * decoder.outputSize }, (_, i) => ((i * 37) % 101) / 101);
  const backend = wasm({ module, threads: 1 });
  // Makes V8 optimise hot functions at once, instead of on another thread while the test case goes on unoptimised.
  setFlagsFromString(SYNC_TIER_UP);
  try {
    const sums: string[] = [];
    for (let count = 0; count < 3; count++) {
      const { z, loss } = await run(decoder, y, { backend, solver: lbfgs({ maxSteps: 9 }) });
      const options = { backend, epochs: 1, batchSize: rows, solver: lbfgs({ maxSteps: 2 }) };
      const { decoder: trained } = await train(decoder, y, options);
      sums.push(
        showChecksum(
          [z, loss, trained.parameters].reduce((sum, numbers) => checksum(bytesIn(numbers), sum), 0),
        ),
      );
      trained.dispose();
    }
    if (new Set(sums).size > 1) throw new Error("optimised kernels compute other bits");
    return sums[0]!;
  } finally {
    if (!isStartedWith(SYNC_TIER_UP)) setFlagsFromString(opposite(SYNC_TIER_UP));
    decoder.dispose();
  }
}
