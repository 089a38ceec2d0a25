import {
  type Codings,
  fromText,
  numberBetween,
  oneOf,
  readFields,
  toText,
  writeFields,
} from "./address-codings.ts";
import type { SolverName } from "./engine/messages.ts";
import { hideShare, LEVELS, PIXELS, shareOf } from "./picture.ts";

// The page's state, and its coding after the # of the page's address, so that a link shows what its sender saw.

/** Rooms below the picture, in the order of their tabs. */
export const ROOMS = ["answers", "flow", "codes", "train", "decoder"] as const;
export type RoomName = (typeof ROOMS)[number];

/** Solvers, in the order in which they are offered. */
export const SOLVER_NAMES = ["lbfgs", "amd", "dormandPrince", "rk4"] as const satisfies readonly SolverName[];

/** What a visitor has chosen: all that the page shows follows from it. */
export interface PageState {
  room: RoomName;
  /** Index of the digit that is shown; ignored where there is a drawing. */
  digit: number;
  /** Levels of a drawing; undefined for a digit. */
  drawing: Float32Array | undefined;
  /** 1 for each pixel that is hidden. */
  hidden: Uint8Array;
  /** Standard deviation of the noise, 0 to 1. */
  noise: number;
  /** Seed of noise and of samples. */
  seed: number;
  solver: SolverName;
  /** Solver that races against it. */
  rival: SolverName;
  /** Factor of the decoder's prior, 0 to 10. */
  priorWeight: number;
}

/** Share of the pixels that are hidden at first. */
export const FIRST_SHARE = 2 / 3;
/** Digits that the page has: `SHOWN` of scripts/make-page-models.ts. */
export const DIGITS = 40;

/** State of a page that nobody has touched. */
export function firstState(): PageState {
  return {
    room: "answers",
    digit: 0,
    drawing: undefined,
    hidden: hideShare(FIRST_SHARE, 1),
    noise: 0,
    seed: 1,
    solver: "lbfgs",
    rival: "amd",
    priorWeight: 1,
  };
}

const MOST_SEED = 2 ** 31 - 1;

/** Goes on to the next digit, as much of it hidden as of this one; of a drawing, or where all is hidden, the first share. */
export function nextDigit(state: PageState): void {
  const share = shareOf(state.hidden);
  state.seed = state.seed < MOST_SEED ? state.seed + 1 : 0;
  state.hidden = hideShare(state.drawing || share === 1 ? FIRST_SHARE : share, state.seed);
  state.drawing = undefined;
  state.digit = (state.digit + 1) % DIGITS;
}

/** Version of the coding. A later one has to refuse or to read addresses of the earlier ones. */
const VERSION = "1";

const CODINGS: Codings<PageState> = {
  room: oneOf(ROOMS),
  digit: numberBetween(0, DIGITS - 1, 1),
  drawing: {
    write: (levels) => toText(pack(levels, 4, LEVELS)),
    read: (text) => unpack(fromText(text), 4, (level) => level / LEVELS, Float32Array),
  },
  hidden: {
    write: (hidden) => toText(pack(hidden, 1, 1)),
    read: (text) => unpack(fromText(text), 1, (bit) => bit, Uint8Array),
  },
  noise: numberBetween(0, 1, 0.01),
  seed: numberBetween(0, MOST_SEED, 1),
  solver: oneOf(SOLVER_NAMES),
  rival: oneOf(SOLVER_NAMES),
  priorWeight: numberBetween(0, 10, 0.01),
};

/** The state as it stands after the # of an address. */
export function writeAddress(state: PageState): string {
  return writeFields<PageState>(VERSION, CODINGS, state.drawing ? { ...state, digit: undefined } : state);
}

/** The state that an address has; undefined if there is none, or a broken one. */
export function readAddress(hash: string): PageState | undefined {
  return readFields(VERSION, CODINGS, hash, firstState());
}

/** Values from 0 to 1, each rounded to a few bits, the first in the highest bits of the first byte. */
function pack(values: ArrayLike<number>, bits: 1 | 4, levels: number): Uint8Array {
  const perByte = 8 / bits;
  const bytes = new Uint8Array(values.length / perByte);
  for (let i = 0; i < values.length; i++) {
    const shift = 8 - bits * ((i % perByte) + 1);
    bytes[Math.floor(i / perByte)]! |= Math.round(values[i]! * levels) << shift;
  }
  return bytes;
}

function unpack<T extends Float32Array | Uint8Array>(
  bytes: Uint8Array | undefined,
  bits: 1 | 4,
  toValue: (level: number) => number,
  into: new (length: number) => T,
): T | undefined {
  const perByte = 8 / bits;
  if (bytes?.length !== PIXELS / perByte) return undefined;
  const values = new into(PIXELS);
  for (let i = 0; i < PIXELS; i++) {
    const shift = 8 - bits * ((i % perByte) + 1);
    values[i] = toValue((bytes[Math.floor(i / perByte)]! >> shift) & (2 ** bits - 1));
  }
  return values;
}
