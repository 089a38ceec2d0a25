import type { Decoder } from "../decoder/decoder.ts";
import type { Operator } from "./operator.ts";

/** Decoder of samples and the operators that a decoder of measurements was made of. */
export interface Measured {
  readonly source: Decoder;
  readonly operators: readonly Operator[];
}

const made = new WeakMap<Decoder, Measured>();

/** Notes what a decoder of measurements was made of; of one that is measured again, the first decoder and all operators. */
export function noteMeasured(measured: Decoder, source: Decoder, operators: readonly Operator[]): void {
  const before = measuredOf(source);
  made.set(measured, { source: before.source, operators: [...before.operators, ...operators] });
}

/** Returns the decoder of samples that a decoder was made of, and the operators; the decoder itself, and none, for any other. */
export function measuredOf(decoder: Decoder): Measured {
  return made.get(decoder) ?? { source: decoder, operators: [] };
}
