import { readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { checksum, showChecksum } from "../base/checksum.ts";
import { messageOf } from "../base/realms.ts";
import { bytesIn } from "../base/values.ts";
import { activation, conv, dense, reshape, sequential } from "../graph/index.ts";
import { createDecoder, encode, lbfgs, wasm } from "../index.ts";
import { kernelBinary } from "../kernels/load.ts";

// Vectors of 256 bits: WebAssembly's have 128, and a flag of V8 has it compute pairs of them as one. The flag is experimental,
// so the program only keeps it where a fixed case still has the bits it had without.

/** V8's flag. It is of the process: worker threads have it, too. */
export const REVECTORIZE = "--experimental-wasm-revectorize";

/** Values of `--vectors`. */
export const VECTOR_CHOICES = ["128", "auto"] as const;

/** Bits of the vectors that the kernels' pairs are computed in. */
export interface Vectors {
  readonly bits: 128 | 256;
  /** Why they have 128 bits although `auto` was asked for. */
  readonly reason?: string;
}

/** Build of the kernels. */
type BuildName = "plain" | "relaxed";

/** CRC-32 of the fixed case's codes and losses. A change of the kernels that changes bits changes these. */
export const CASE_CHECKSUMS: Readonly<Record<BuildName, string>> = { plain: "919c0ff9", relaxed: "6b8e03d0" };

/** The first major version of Node whose V8 finds the pairs of most products. */
const FIRST_NODE = 24;

let chosen: Vectors | undefined;

/** Returns what `--vectors` has chosen for the process; undefined before, and for commands without the option. */
export function chosenVectors(): Vectors | undefined {
  return chosen;
}

/** Follows `--vectors`, before the first kernels of the process are compiled. */
export async function chooseVectors(
  choice: (typeof VECTOR_CHOICES)[number],
  build: BuildName,
): Promise<void> {
  chosen = choice === "auto" ? await widenVectors(build, CASE_CHECKSUMS[build]) : { bits: 128 };
}

/**
 * Sets V8's flag, and takes it back if the fixed case has other bits or fails.
 *
 * @param expected the case's checksum
 */
export async function widenVectors(build: BuildName, expected: string): Promise<Vectors> {
  const reason = whyNot();
  if (reason !== undefined) return { bits: 128, reason };
  setFlagsFromString(REVECTORIZE);
  try {
    const found = await checksumOfCase(build);
    if (found === expected) return { bits: 256 };
    return takeBack("the self-check found other bits");
  } catch (error) {
    return takeBack(`the self-check failed: ${messageOf(error)}`);
  }
}

function takeBack(reason: string): Vectors {
  setFlagsFromString(REVECTORIZE.replace("--", "--no-"));
  return { bits: 128, reason };
}

/** Why this machine's V8 joins no vectors; undefined if it may. */
function whyNot(): string | undefined {
  const { arch, versions, platform } = process;
  if (Number(versions.node.split(".")[0]) < FIRST_NODE) return `256 need Node ${FIRST_NODE} or later`;
  if (arch !== "x64") return `256 need a processor of x64, this is ${arch}`;
  // V8 ignores the flag on a processor without AVX2. Other systems do not tell by a file.
  if (platform === "linux" && !hasAvx2()) return "256 need a processor with AVX2";
  return undefined;
}

function hasAvx2(): boolean {
  try {
    return /\bavx2\b/.test(readFileSync("/proc/cpuinfo", "utf8"));
  } catch {
    return false;
  }
}

/**
 * Encodes samples with a decoder of dense layers and a convolution, on kernels that V8 has optimised.
 *
 * @returns CRC-32 of the codes and losses
 * @throws Error if two runs differ: the first one is computed by the baseline compiler, at least in part
 */
export async function checksumOfCase(build: BuildName): Promise<string> {
  // An own module: V8 compiles one of the same bytes only once, and this one's code is of the flags that are set now.
  const module = new WebAssembly.Module(withSection(await kernelBinary(build)));
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
  const options = { backend: wasm({ module, threads: 1 }), solver: lbfgs({ maxSteps: 9 }) };
  // Functions are optimised as soon as they are known to be hot, not on another thread while the case goes on without.
  setFlagsFromString("--wasm-sync-tier-up");
  try {
    const sums: string[] = [];
    for (let run = 0; run < 3; run++) {
      const { z, loss } = await encode(decoder, y, options);
      sums.push(showChecksum(checksum(bytesIn(loss), checksum(bytesIn(z)))));
    }
    if (new Set(sums).size > 1) throw new Error("optimised kernels compute other bits");
    return sums[0]!;
  } finally {
    setFlagsFromString("--no-wasm-sync-tier-up");
    decoder.dispose();
  }
}

/** A binary with one more custom section, named `check` and empty. */
function withSection(binary: Uint8Array): Uint8Array<ArrayBuffer> {
  const name = new TextEncoder().encode("check");
  return Uint8Array.from([...binary, 0, name.length + 1, name.length, ...name]);
}
