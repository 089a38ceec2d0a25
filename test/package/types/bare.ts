// What a user writes in TypeScript who has neither Node's types nor the DOM's.
import {
  createDecoder,
  type DecodeOptions,
  type DecoderSource,
  decode,
  type EncodeOptions,
  encode,
  wasm,
} from "latentflow";
import { readDataset } from "latentflow/data";
import { fromImageData, type ImageDataLike, toImageData } from "latentflow/images";
import { decodePng, encodePng } from "latentflow/images/png";
import kernels from "latentflow/wasm/plain.wasm";
import { type WebgpuOptions, webgpu } from "latentflow/webgpu";

export const source: DecoderSource = "decoder.safetensors";
// @ts-expect-error a signal is an AbortSignal
export const wrong: DecodeOptions = { signal: "abort" };

export const options: EncodeOptions = { backend: webgpu({} satisfies WebgpuOptions) };

export const compiled: EncodeOptions = { backend: wasm({ module: kernels }) };

export async function run(signal: NonNullable<EncodeOptions["signal"]>): Promise<Float32Array> {
  const decoder = createDecoder({ layers: [2, 4] });
  const { z } = await encode(decoder, new Float32Array(4), { signal });
  return decode(decoder, z, { signal });
}

export function redraw(bytes: Uint8Array): Uint8Array {
  const decoder = createDecoder({ layers: [2, 4], outputShape: [2, 2] });
  const picture: ImageDataLike = decodePng(bytes);
  return encodePng(toImageData(fromImageData(picture, decoder, { fit: "cover" }), decoder));
}

export async function encodeFile(): Promise<Float32Array> {
  return (await readDataset("images.npy")).toFloat32();
}
