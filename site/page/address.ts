import {
  type Coding,
  type Codings,
  fromText,
  numberBetween,
  oneOf,
  readFields,
  toText,
  writeFields,
} from "./address-codings.ts";
import type { MapPoint } from "./codes/principal-plane.ts";
import type { SolverName } from "./engine/messages.ts";
import { hideShare, LEVELS, PIXELS, shareOf } from "./picture.ts";

// State of the first page, and how it is encoded after the # of its address, so that a link shows what its sender saw.

/** Rooms (tabs) below the picture, in order. */
export const ROOMS = ["answers", "flow", "codes", "train", "decoder"] as const;
export type RoomName = (typeof ROOMS)[number];

/** Solvers that a visitor can choose, in order. */
export const SOLVER_NAMES = ["lbfgs", "amd", "dormandPrince", "rk4"] as const satisfies readonly SolverName[];

/**
 * Choices for the latent code's coordinates outside of the plane that is shown: those of the mean code, or of the
 * picture's code.
 */
export const RESTS = ["mean", "picture"] as const;
export type Rest = (typeof RESTS)[number];

/** Everything that a visitor can choose on the first page, which determines what it shows. */
export interface PageState {
  room: RoomName;
  /** Index of the digit that is shown; ignored if there is a drawing. */
  digit: number;
  /** Pixel values of a drawing, 0 to 1; undefined if a digit is shown. */
  drawing: Float32Array | undefined;
  /** For each pixel, 1 if it is hidden, else 0. */
  hidden: Uint8Array;
  /** Standard deviation of the Gaussian noise added to the picture, 0 to 1. */
  noise: number;
  /** Seed of the noise, of random hidden pixels and of posterior samples. */
  seed: number;
  solver: SolverName;
  /** Second solver, with which `solver` is compared. */
  rival: SolverName;
  /** Factor on the weight of the decoder's prior, 0 to 10. */
  priorWeight: number;
  /** Index of the point on the solver's path that is shown; undefined for the last. */
  step: number | undefined;
  /** Latent code set by the visitor; undefined to show the path's. */
  code: Float32Array | undefined;
  /** Point in the plane of codes chosen by the visitor; undefined for the projection of the code that `rest` names. */
  point: MapPoint | undefined;
  rest: Rest;
  /** Digit class whose codes are highlighted, 0 to 9; undefined for none. */
  highlighted: number | undefined;
  /** Name, by `guestName`, of a visitor's decoder that replaces the page's; undefined for the page's own. */
  guest: string | undefined;
}

/** Fraction of the pixels that are hidden initially. */
export const FIRST_SHARE = 2 / 3;
/** Number of digits that the page has: `SHOWN` of scripts/make-page-models.ts. */
export const DIGITS = 40;

/** Returns the initial state of the first page. */
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
    step: undefined,
    code: undefined,
    point: undefined,
    rest: "mean",
    highlighted: undefined,
    guest: undefined,
  };
}

/**
 * Drops the chosen step and code, so that the end of the path is shown. Needed before a new path is computed, as the
 * choice lies on the old one.
 */
export function forgetPlace(state: PageState): void {
  state.step = undefined;
  state.code = undefined;
}

const MOST_SEED = 2 ** 31 - 1;
/** Maximum of the state's `step`; solvers take far fewer. */
const MOST_STEPS = 9999;
/** Latent size of the page's own decoder. Codes of other sizes are not written to the address. */
const CODE_SIZE = 20;

/** Maximum length of a visitor's decoder's name, in characters. */
const MOST_GUEST = 80;

/** Shortens the name of a visitor's decoder for the address and for messages, and removes control characters. */
export function guestName(name: string): string {
  return [...name.replace(/\p{C}/gu, "")].slice(0, MOST_GUEST).join("");
}

/**
 * Shows the next digit, with the same fraction of hidden pixels; after a drawing, or if all pixels were hidden, with the
 * initial fraction.
 */
export function nextDigit(state: PageState): void {
  const share = shareOf(state.hidden);
  state.seed = state.seed < MOST_SEED ? state.seed + 1 : 0;
  state.hidden = hideShare(state.drawing || share === 1 ? FIRST_SHARE : share, state.seed);
  state.drawing = undefined;
  forgetPlace(state);
  state.digit = (state.digit + 1) % DIGITS;
}

/**
 * Version of the address format. A later version must refuse or read addresses of earlier ones. A new field needs no new
 * version: addresses without it are read with the field's initial value.
 */
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
  step: numberBetween(0, MOST_STEPS, 1),
  code: floats(CODE_SIZE, (code) => code),
  point: floats(2, ([across, up]) => [across!, up!]),
  rest: oneOf(RESTS),
  highlighted: numberBetween(0, 9, 1),
  guest: {
    write: (name) => guestName(name) || undefined,
    read: (text) => (text !== "" && guestName(text) === text ? text : undefined),
  },
};

/** Formats the first page's state as the part of its address after #. */
export function writeAddress(state: PageState): string {
  return writeFields<PageState>(VERSION, CODINGS, state.drawing ? { ...state, digit: undefined } : state);
}

/** Reads the first page's state from an address; undefined if it contains none, or one that is not valid. */
export function readAddress(hash: string): PageState | undefined {
  return readFields(VERSION, CODINGS, hash, firstState());
}

/** Makes the conversion for `count` finite float32 numbers, as base64 of their little-endian bytes. */
function floats<T extends ArrayLike<number>>(count: number, make: (numbers: Float32Array) => T): Coding<T> {
  return {
    write(numbers) {
      if (numbers.length !== count) return undefined;
      const view = new DataView(new ArrayBuffer(4 * count));
      for (let i = 0; i < count; i++) view.setFloat32(4 * i, numbers[i]!, true);
      return toText(new Uint8Array(view.buffer));
    },
    read(text) {
      const bytes = fromText(text);
      if (bytes?.length !== 4 * count) return undefined;
      const view = new DataView(bytes.buffer);
      const numbers = Float32Array.from({ length: count }, (_, i) => view.getFloat32(4 * i, true));
      return numbers.every(Number.isFinite) ? make(numbers) : undefined;
    },
  };
}

/** Packs numbers from 0 to 1, rounded to 1 or 4 bits each, into bytes; the first is in the highest bits of the first byte. */
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
