import { spawnSync } from "node:child_process";
import { PATIENCE } from "./patience.ts";

/** A program that encodes on two threads of the library, and prints how many there were, and why. */
export const program = (library: string) => `
  import { amd, closeWorkers, createDecoder, encode, wasm } from ${JSON.stringify(library)};
  const decoder = createDecoder({ layers: [2, 9, 5], outputActivation: "sigmoid", loss: "bce" });
  const options = { solver: amd({ maxSteps: 3 }), backend: wasm({ threads: 2 }) };
  encode(decoder, new Float32Array(500), options).then(({ backend }) => console.log(backend.threads, backend.reason));`;

/** Runs Node; returns what it prints. */
export function printed(args: readonly string[], cwd?: string): string {
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd, encoding: "utf8", timeout: PATIENCE });
  return stdout.trim() || stderr;
}
