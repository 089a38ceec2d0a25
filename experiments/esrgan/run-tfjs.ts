import { spawnSync } from "node:child_process";
import { folder, install } from "./install.ts";

/**
 * What TensorFlow.js makes of pictures by a model, in a process of its own.
 *
 * @param model the path of a model.json
 * @param pictures [height, width, 3] each, as the model takes them, one after the other
 * @returns the model's outputs one after the other
 */
export function runTfjs(model: string, height: number, width: number, pictures: Float32Array): Float32Array {
  install();
  const args = ["--import", "tsx", `${folder}tfjs.ts`, model, `${height}`, `${width}`];
  const input = new Uint8Array(pictures.buffer, pictures.byteOffset, pictures.byteLength);
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: folder,
    input,
    maxBuffer: 2 ** 30,
  });
  if (status !== 0) throw new Error(`TensorFlow.js failed on ${model}:\n${stderr}`);
  return new Float32Array(Uint8Array.from(stdout).buffer);
}
