// Shapes are seen from one side only, at points where x < 0, and the decoder completes them.
import { writeFileSync } from "node:fs";
import { decode, encode, loadDecoder } from "latentflow";
import { toImageData } from "latentflow/images";
import { encodePng } from "latentflow/images/png";
import { fromNearest, meanError, meanOf } from "./compare.js";
import { createRandom, distancesAt, kinds, makePoints, makeShape } from "./shapes.js";
import { coloursOf, SIDE, slice } from "./slices.js";

const decoder = await loadDecoder("decoder.safetensors");
const random = createRandom(2); // other shapes than those of train.js
const points = 400;
const seen = makePoints(points, random, (x) => x < 0);
const unseen = makePoints(points, random, (x) => x > 0);

const errors = {};
const rows = [];
for (const kind of Object.keys(kinds)) {
  const shapes = Array.from({ length: 20 }, () => makeShape(kind, random));
  const given = shapes.map((shape) => distancesAt(shape, seen));
  const y = Float32Array.from(given.flatMap((distances) => [...distances]));
  const { z } = await encode(decoder, y, { points, fixed: { xyz: seen } });

  // Nothing was given of the other half.
  const x = await decode(decoder, z, { points, fixed: { xyz: unseen } });
  const completed = shapes.map((_, i) => x.subarray(points * i, points * (i + 1)));
  const right = shapes.map((shape) => distancesAt(shape, unseen));
  errors[kind] = {
    completed: meanError(completed, right),
    "nearest seen point": meanError(
      given.map((distances) => fromNearest(unseen, seen, distances)),
      right,
    ),
    "mean of the kind": meanError(
      right.map(() => meanOf(right)),
      right,
    ),
  };

  // The first one at the points of a slice: what was seen of it, completed, and as it is.
  const code = z.slice(0, decoder.latentSize);
  const drawn = await decode(decoder, code, { points: slice.length / 3, fixed: { xyz: slice } });
  const original = distancesAt(shapes[0], slice);
  const shown = original.map((distance, i) => (slice[3 * i] < 0 ? distance : Number.NaN));
  rows.push(coloursOf(shown), coloursOf(drawn), coloursOf(original));
}
console.log("Mean error of the distances on the unseen half, in a cube whose side is 2:");
console.table(errors);
const colours = Float32Array.from(rows.flat());
const picture = toImageData(colours, { outputShape: [SIDE, SIDE, 3] }, { columns: 3, gap: 6 });
writeFileSync("shapes.png", encodePng(picture));
console.log("shapes.png: slices through a sphere, a box and a ring: as seen, completed, as they are");
