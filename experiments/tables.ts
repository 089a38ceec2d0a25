import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createRandom } from "../src/base/random.ts";
import { fillValues } from "../src/cli/fill/fill-values.ts";
import { distanceAt, momentsOf, type Numbers, standardise } from "../src/cli/fill/values.ts";
import { readNpy, toNpy } from "../src/files/npy.ts";
import { wasm } from "../src/index.ts";
import type { ExperimentSettings } from "./experiment-settings.ts";
import { type Row, report, seconds } from "./table.ts";

/** Tables of scikit-learn, which python3-sklearn brings along. */
const TABLES = ["iris", "wine", "diabetes", "breast_cancer", "digits"];
/** Shares of the values that are hidden. */
const SHARES = [0.1, 0.3, 0.5];
const SEEDS = 3;
/** Whether values are hidden at random, or a value above its column's mean three times as often as one below. */
const WAYS = ["at random", "by value"] as const;

/** Imputers of scikit-learn: of chained equations (MICE), by ridge regression and by random forests (as missForest). */
const OTHERS = `
import sys, numpy as np
from sklearn.experimental import enable_iterative_imputer
from sklearn.impute import IterativeImputer, KNNImputer
from sklearn.ensemble import RandomForestRegressor
folder, name = sys.argv[1:]
table = np.load(f"{folder}/{name}.npy")
forest = RandomForestRegressor(n_estimators=50, n_jobs=-1, random_state=0)
for key, imputer in dict(
    mice=IterativeImputer(max_iter=20, random_state=0),
    forest=IterativeImputer(forest, max_iter=5, random_state=0, n_nearest_features=12),
    neighbours=KNNImputer(n_neighbors=5, weights="distance"),
).items():
    np.save(f"{folder}/{name}.{key}.npy", imputer.fit_transform(table).astype("float32"))
`;

/**
 * Fills tables of which values are hidden, by the program's \`fill\`, by its own baselines and by imputers of scikit-learn. Errors are
 * root mean squares in standard deviations of the columns, over the hidden values; means of three seeds.
 */
export async function compareFillings({ seed, out }: ExperimentSettings): Promise<void> {
  const folder = join(out, "tables");
  mkdirSync(folder, { recursive: true });
  const python = (code: string, ...args: string[]) =>
    execFileSync("/usr/bin/python3", ["-W", "ignore", "-c", code, ...args]);
  python(
    "import sys, numpy as np, sklearn.datasets as d\n" +
      "for n in sys.argv[2:]: np.save(f'{sys.argv[1]}/{n}.npy', np.ascontiguousarray(getattr(d, 'load_' + n)().data, dtype='float32'))",
    folder,
    ...TABLES,
  );
  const load = (name: string) => readNpy(readFileSync(join(folder, `${name}.npy`)));
  const rows: Row[] = [];
  for (const name of TABLES) {
    for (const way of WAYS) {
      for (const share of SHARES) {
        const sums: Record<string, number> = {};
        const start = performance.now();
        let ours = 0;
        for (let i = 0; i < SEEDS; i++) {
          const { shape, data } = load(name);
          const [count, columns] = shape as [number, number];
          const whole = { values: Float32Array.from(data as Float32Array), rows: count, columns };
          const hidden = hide(whole, share, way, seed + i);
          const shown = { ...whole, values: whole.values.slice() };
          for (const at of hidden) shown.values[at] = Number.NaN;
          const begun = performance.now();
          const cells = Array.from({ length: columns }, (_, column) => [column, column + 1] as const);
          const { signal } = new AbortController();
          const filled = await fillValues(shown, cells, { seed: i, backend: wasm(), signal, onFit() {} });
          ours += seconds(begun);
          const moments = momentsOf(whole);
          const scaled = (values: Float32Array) => standardise({ ...whole, values }, moments).values;
          const truth = scaled(whole.values);
          const add = (key: string, values: Float32Array) => {
            sums[key] = (sums[key] ?? 0) + distanceAt(scaled(values), truth, hidden) / SEEDS;
          };
          add("fill", filled.values);
          add("mean", filled.others.mean);
          add("iterative PCA", filled.others.pca);
          writeFileSync(join(folder, "shown.npy"), toNpy(shown.values, [count, columns]));
          python(OTHERS, folder, "shown");
          for (const [key, file] of [
            ["MICE", "mice"],
            ["random forests", "forest"],
            ["neighbours", "neighbours"],
          ] as const) {
            add(key, load(`shown.${file}`).data as Float32Array);
          }
        }
        const errors = Object.fromEntries(Object.entries(sums).map(([key, sum]) => [key, sum.toFixed(3)]));
        const row = {
          table: name,
          hidden: `${100 * share} % ${way}`,
          ...errors,
          "fill in s": (ours / SEEDS).toFixed(1),
        };
        console.log(Object.values(row).join(", "), seconds(start));
        rows.push(row);
      }
    }
  }
  report(out, "tables", rows);
}

/** Returns the places of values to hide, a share of all; each column keeps three. */
function hide({ values, rows, columns }: Numbers, share: number, way: (typeof WAYS)[number], seed: number) {
  const random = createRandom(seed, 9);
  const { means } = momentsOf({ values, rows, columns });
  const left = new Uint32Array(columns).fill(rows);
  return Uint32Array.from(values.keys()).filter((at) => {
    const column = at % columns;
    const factor = way === "at random" ? 1 : values[at]! > means[column]! ? 1.5 : 0.5;
    if (random.uniform() >= share * factor || left[column] === 3) return false;
    left[column]!--;
    return true;
  });
}
