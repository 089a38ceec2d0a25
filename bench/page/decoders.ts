import { type Decoder, loadDecoder, wasm } from "../../src/index.ts";
import { dcganDecoder, reachableData } from "../dcgan.ts";
import { widen } from "./widen.ts";

/** A decoder that can be measured. */
interface Measured {
  /** For people. */
  readonly label: string;
  load(): Promise<Decoder>;
  /** Makes what is encoded, [some samples, outputSize], in [0, 1]. Absent where that is the digits of MNIST. */
  makeSamples?(decoder: Decoder): Promise<Float32Array>;
}

// In this form bundlers take the file along.
const paper = () => loadDecoder(new URL("../../demo/decoder.safetensors", import.meta.url));

/** So many samples are made for the DCGAN, and taken again and again where more are encoded. */
const MADE = 64;

/** The decoders, in the order of the tables. */
export const DECODERS = {
  mlp: { label: "MLP", load: paper },
  mlp4: { label: "MLP ×4", load: async () => widen(await paper(), 4) },
  dcgan: {
    label: "DCGAN",
    load: async () => dcganDecoder("elu"),
    makeSamples: async (decoder: Decoder) => (await reachableData(decoder, MADE, wasm({ threads: 1 }))).y,
  },
} as const satisfies Record<string, Measured>;

export type DecoderName = keyof typeof DECODERS;

export const DECODER_NAMES = Object.keys(DECODERS) as DecoderName[];

/** What a decoder encodes where that is not the digits; made once. */
export async function samplesFor(name: DecoderName): Promise<Float32Array | undefined> {
  const measured: Measured = DECODERS[name];
  return measured.makeSamples?.(await measured.load());
}
