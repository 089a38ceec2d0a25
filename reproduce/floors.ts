import { binaryCrossEntropy } from "../src/index.ts";
import { lossFloors } from "../src/terms/loss-floor.ts";
import type { DataName } from "./element.ts";
import { DATA } from "./paper-setting.ts";

// The targets' own entropy, the least that any reconstruction's cross entropy can come to. Pages show how far losses are above it.

/** Images whose losses pages show: the first of a part of a data set, or all of it. */
interface Shown {
  readonly data: DataName;
  readonly part: "validation" | "test";
  readonly first?: number;
}

const SHOWN = {
  "MNIST, test": { data: "MNIST", part: "test" },
  "MNIST, first 320 of test": { data: "MNIST", part: "test", first: 320 },
  "MNIST, first 100 of test": { data: "MNIST", part: "test", first: 100 },
  "MNIST, first 1,000 of test": { data: "MNIST", part: "test", first: 1000 },
  "MNIST, first 1,000 of validation": { data: "MNIST", part: "validation", first: 1000 },
  "MNIST, first 100 of validation": { data: "MNIST", part: "validation", first: 100 },
  "SegMNIST, test": { data: "SegMNIST", part: "test" },
  "SegMNIST, first 1,000 of validation": { data: "SegMNIST", part: "validation", first: 1000 },
  "Fashion-MNIST, test": { data: "Fashion-MNIST", part: "test" },
  "Fashion-MNIST, first 1,000 of validation": { data: "Fashion-MNIST", part: "validation", first: 1000 },
} as const satisfies Readonly<Record<string, Shown>>;

export type FloorName = keyof typeof SHOWN;

export const FLOOR_NAMES = Object.keys(SHOWN) as FloorName[];

/** Nats a pixel, as `npm run experiment -- floors` computes them. */
export const FLOORS: Readonly<Record<FloorName, number>> = {
  "MNIST, test": 0.0580797,
  "MNIST, first 320 of test": 0.0562295,
  "MNIST, first 100 of test": 0.0560527,
  "MNIST, first 1,000 of test": 0.0569967,
  "MNIST, first 1,000 of validation": 0.0580118,
  "MNIST, first 100 of validation": 0.0550791,
  "SegMNIST, test": 0.0597521,
  "SegMNIST, first 1,000 of validation": 0.0580118,
  "Fashion-MNIST, test": 0.2421662,
  "Fashion-MNIST, first 1,000 of validation": 0.236778,
};

/** Floor of all test images of a data set. */
export const testFloor = (name: DataName): number => FLOORS[`${name}, test`];

/** Floor of the 1,000 validation images that table 1's trainings are followed by. */
export const validationFloor = (name: DataName): number => FLOORS[`${name}, first 1,000 of validation`];

/** Computes a floor from the images themselves. */
export async function computeFloor(name: FloorName): Promise<number> {
  const { data, part, first }: Shown = SHOWN[name];
  const all = (await DATA[data]())[part];
  const images = first === undefined ? all : all.slice(0, first);
  const floors = lossFloors(binaryCrossEntropy(), images.toFloat32(), images.size);
  return floors.reduce((sum, each) => sum + each, 0) / images.count;
}
