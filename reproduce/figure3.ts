import type { DataName, Element, Page, Results, Settings } from "./element.ts";
import { testFloor } from "./floors.ts";
import { drawRows } from "./labelled-rows.ts";
import { BRACKETS, floorRow, listed, means, NOT_YET, percent, table, withExcess } from "./page.ts";
import { ALL, BY, jobFor, type Method, ORIGINAL, resultOf, SHOWN, type Trained } from "./trained-decoders.ts";

// Figure 3: reconstructions of test images after one hundredth of the data and after all of it.

const FEW = 480;
const SETS = ["MNIST", "Fashion-MNIST"] as const satisfies readonly DataName[];
const SHOWN_METHODS: readonly (readonly [label: string, method: Method, by: string])[] = [
  ["GFE-amd", "flow, amd", BY.letter],
  ["AE, 1 pass", "autoencoder, 1 pass", BY.code],
  ["AE, 12 passes", "autoencoder, 12 passes", BY.code],
  ["lbfgs", "flow, lbfgs", BY.ours],
];
/** Beside the encoder's own code, a fairer opponent of codes that flows find. */
const INVERTED: typeof SHOWN_METHODS = [
  ["AE, 12 passes, inverted by `amd`", "autoencoder, 12 passes", BY.letter],
  ["AE, 12 passes, inverted by `lbfgs`", "autoencoder, 12 passes", BY.ours],
];
const [FLOW, ...AUTOENCODERS] = SHOWN_METHODS.slice(0, 3) as [
  (typeof SHOWN_METHODS)[number],
  ...typeof SHOWN_METHODS,
];
/** Of one seed: a smaller difference, as a share of the excess above the floor, is none. */
const ALIKE = 0.01;

/** MNIST's are table 1's: of Fashion-MNIST the table has all images only. */
export const figure3: Element<Trained> = {
  name: "figure3",
  title: "Figure 3: reconstructions",
  source: "figure3.ts",
  jobs: (settings) => SHOWN_METHODS.map(([, method]) => jobFor("Fashion-MNIST", FEW, method, 0, settings)),
  page(results, _settings: Settings, resultsOf): Page {
    const pictures: Record<string, string> = {};
    const missing: string[] = [];
    const foundOf = (name: DataName, count: number, method: Method) => {
      const from = count !== FEW ? "table1-right" : name === "MNIST" ? "table1-left" : undefined;
      const found = from ? (resultsOf(from) as Results<Trained>) : results;
      return resultOf(found, name, count, method, 0);
    };
    const lossOf = (name: DataName, count: number, [, method, by]: (typeof SHOWN_METHODS)[number]) =>
      foundOf(name, count, method)?.tests[by]?.loss;
    for (const name of SETS) {
      const rows = SHOWN_METHODS.flatMap(([label, method, by]) =>
        [FEW, ALL].map((count) => {
          const found = foundOf(name, count, method)?.reconstructions;
          if (!found) missing.push(`${label}, after ${showImages(count)} of ${name}`);
          return {
            label: `${label}; ${showImages(count)}`,
            images: found?.[by],
            originals: found?.[ORIGINAL],
          };
        }),
      );
      const originals = rows.find((row) => row.originals)?.originals;
      const shown = [{ label: "original", images: originals }, ...rows].flatMap(({ label, images }) =>
        images === undefined ? [] : [{ label, tiles: tilesOf(Buffer.from(images, "base64")) }],
      );
      if (shown.length > 0) pictures[`figure3-${name.toLowerCase()}`] = drawRows(shown, SHAPE, 220);
    }
    const held = (count: number) =>
      AUTOENCODERS.map((one) => {
        const words = SETS.map((name) => {
          const [own, other] = [FLOW, one].map((method) => lossOf(name, count, method));
          return `${answerOf(own, other, testFloor(name))} on ${name}`;
        });
        return `than the ${one[0]}: ${words.join(", ")}`;
      }).join("; ");
    /** Says how GFE-amd compares with the inverted decoders: in a word where all comparisons have the same answer. */
    const heldInverted = (count: number): string => {
      const all = INVERTED.map((one) =>
        SETS.map((name) => {
          const [own, other] = [FLOW, one].map((method) => lossOf(name, count, method));
          return wordOf(own, other, testFloor(name));
        }),
      );
      const words = new Set(all.flat());
      const [first] = words;
      const subject = "With the autoencoder's decoder of twelve passes inverted";
      if (words.size === 1) {
        return first === NOT_YET ? "" : `${subject}, GFE-amd is ${first} on both sets, by either solver.`;
      }
      const said = all.map((own) => listed(own.map((word, i) => `${word} on ${SETS[i]!}`)));
      return `${subject} by AMD, GFE-amd is ${said[0]}; by \`lbfgs\` it is ${said[1]}.`;
    };
    return {
      markdown: `The first ${SHOWN} test images, reconstructed after training on ${FEW} images (by our count the paper's
1 %) and on all 50,000; one seed. By GFE-amd: one pass, AMD with s_max = 10. By autoencoders of one pass and of twelve, each with its own
code: the paper does not say which its pictures are of. By latentflow's default, \`lbfgs\`: one pass. The runs on all images, and all
of MNIST's, are table 1's ([left](table1-left.md), [right](table1-right.md)), which have the autoencoders' decoders inverted, too.
${missing.length > 0 ? `\nNot computed yet: ${missing.join("; ")}.\n` : ""}
Mean cross entropy of all 10,000 test images, of the same decoders. ${BRACKETS}

${table(
  ["", ...SETS.flatMap((name) => [FEW, ALL].map((count) => `${name}, ${showImages(count)}`))],
  [
    ...[...SHOWN_METHODS, ...INVERTED].map((one) => [
      one[0],
      ...SETS.flatMap((name) =>
        [FEW, ALL].map((count) => withExcess(means([lossOf(name, count, one)]), testFloor(name))),
      ),
    ]),
    floorRow(SETS.flatMap((name) => [testFloor(name), testFloor(name)])),
  ],
)}

The pictures are to show that GFE does better where images are few. By the excesses, of which less than ${100 * ALIKE} % is taken for no
difference, GFE-amd is better

- after ${FEW} images ${held(FEW)}. ${heldInverted(FEW)}
- after all images ${held(ALL)}. ${heldInverted(ALL)}
`,
      pictures,
      summary: {
        paper: "pictures",
        letter: "pictures",
        ours: "pictures",
        holds: `GFE-amd better after ${FEW} images ${held(FEW)}. ${heldInverted(FEW)}`.trim(),
      },
    };
  },
};

const showImages = (count: number) => (count === ALL ? "all images" : `${count} images`);

/** Says in a word how a loss compares with another, by their excesses: less than ALIKE is no difference. */
function wordOf(own: number | undefined, other: number | undefined, floor: number): string {
  if (own === undefined || other === undefined) return NOT_YET;
  const difference = (own - other) / (other - floor);
  if (!Number.isFinite(difference)) return "not finite";
  if (Math.abs(difference) < ALIKE) return "as low";
  return difference < 0 ? "lower" : "higher";
}

/** Answers whether a loss is below another, with the difference as a share of the other's excess. */
function answerOf(own: number | undefined, other: number | undefined, floor: number): string {
  const word = wordOf(own, other, floor);
  if (word === NOT_YET) return word;
  if (word === "not finite") return "no (a loss is not finite)";
  if (word === "as low") return "no (as low)";
  const share = percent(Math.abs((own! - other!) / (other! - floor)));
  return `${word === "lower" ? "yes" : "no"} (${share} ${word})`;
}

const SHAPE = { outputShape: [28, 28] };

/** Images of 28 × 28 bytes. */
function tilesOf(bytes: ArrayLike<number>): Float32Array[] {
  const values = Float32Array.from(bytes, (value) => value / 255);
  return Array.from({ length: values.length / 784 }, (_, i) => values.subarray(784 * i, 784 * (i + 1)));
}
