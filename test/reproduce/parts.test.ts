// run: first
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { solvingBy } from "../../bench/own-method.ts";
import { cpuSeconds } from "../../bench/timing.ts";
import {
  type ChartLine,
  hasBands,
  logAxis,
  stylesOf,
  withSymbols,
  writeChart,
} from "../../reproduce/chart.ts";
import { countedAdjoint, noCalls } from "../../reproduce/counted-adjoint.ts";
import { coupledAmd } from "../../reproduce/coupled-amd.ts";
import type { Job, Kept } from "../../reproduce/element.ts";
import { elements, inThePapersOrder, jobsOf } from "../../reproduce/elements.ts";
import { runJob } from "../../reproduce/job.ts";
import { readKept, writeKept } from "../../reproduce/kept-file.ts";
import { compared, excessOf, excessPoint, floorRow, means, table, withExcess } from "../../reproduce/page.ts";
import { letter } from "../../reproduce/paper-setting.ts";
import { measureFlow } from "../../reproduce/reconstruction.ts";
import { parseResults, Store } from "../../reproduce/store.ts";
import { followTraining } from "../../reproduce/training-run.ts";
import { isAstray, lowestOf } from "../../reproduce/validation.ts";
import { fileError, resolveOnce } from "../../src/files/durable-file.ts";
import { createDecoder, encode, LatentflowError, lbfgs, logGrid, rk4, wasm } from "../../src/index.ts";
import { lockFile } from "../../src/train/checkpoint-lock.ts";
import { approximate, createDataset, direct, full, train } from "../../src/train/index.ts";
import { randomArray } from "../support/random.ts";

// What npm run reproduce is made of.

const folder = mkdtempSync(join(tmpdir(), "latentflow-reproduce-parts-"));
test.after(() => rmSync(folder, { recursive: true }));
/** Computes for so long, on a busy machine too. */
function idle(milliseconds: number): void {
  const end = cpuSeconds() + milliseconds / 1000;
  while (cpuSeconds() < end);
}

const settings = { quick: false, seeds: 3 };

test("figures: the mean and deviation over seeds, what is missing and what is not finite", () => {
  assert.is(means([1, 2, 3], 2).text, "2.00 ± 1.00");
  assert.is(means([1]).text, "1.0000");
  assert.is(means([undefined, undefined]).text, "…");
  assert.is(means([1, undefined, undefined], 1).text, "1.0, 1 of 3 seeds");
  // Seed by seed until there are all.
  assert.is(means([1, 3, undefined], 1).text, "1.0 and 3.0, 2 of 3 seeds");
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) assert.is(means([0.1, bad]).text, "not finite");

  assert.is(compared(means([1, 1.1]), means([2, 2.1])), "lower");
  assert.is(compared(means([2]), means([1, 1.1])), "higher");
  // Within the deviations of both, wherever they are.
  for (const [one, other] of [
    [
      [1, 2],
      [1.4, 2],
    ],
    [
      [1.3, 1.3],
      [1.4, 2],
    ],
    [
      [1.4, 2],
      [1.3, 1.3],
    ],
  ] as const) {
    assert.is(compared(means(one), means(other)), "as low");
  }
  assert.is(compared(means([Number.NaN]), means([1])), "not finite");
  assert.is(compared(means([1]), means([Number.NaN])), "not finite");
  assert.is(compared(means([undefined]), means([1])), undefined);
  assert.is(table(["", "a"], [["b", "c"]]), "|  | a |\n| --- | --- |\n| b | c |");
});

test("losses stand with their excess above the floor, and charts draw the excess where it is above 0", () => {
  assert.is(withExcess(means([0.2, 0.3]), 0.05), "0.2500 ± 0.0707 (0.2000)");
  assert.is(withExcess(means([0.2, undefined]), 0.05), "0.2000 (0.1500), 1 of 2 seeds");
  assert.is(
    withExcess(means([0.2, undefined, 0.3]), 0.05),
    "0.2000 (0.1500) and 0.3000 (0.2500), 2 of 3 seeds",
  );
  assert.is(withExcess(means([undefined]), 0.05), "…");
  assert.is(withExcess(means([Number.NaN]), 0.05), "not finite");
  assert.is(excessOf(means([Number.NaN]), 0.05).text, "not finite");
  assert.equal(floorRow([0.05, 0.25]), ["the floor", "0.0500 (0)", "0.2500 (0)"]);
  const [point] = excessPoint(480, means([0.2, 0.3]), 0.05);
  assert.is(point!.x, 480);
  for (const [of, expected] of [
    [point!.y, 0.2],
    [point!.low, 0.15],
    [point!.high, 0.25],
  ] as const)
    assert.ok(Math.abs(of - expected) < 1e-12, `${of}`);
  for (const loss of [undefined, Number.NaN, 0.05, 0.04]) {
    assert.equal(excessPoint(480, means([loss]), 0.05), []);
  }
});

test("results are kept as a whole, quick ones apart; a torn file is named", async () => {
  const kept = { result: { loss: 1 }, seconds: 2, versions: { node: "0" } };
  const store = new Store(folder, "some", settings);
  await store.add("b", kept);
  await store.add("a", kept);
  assert.equal(readdirSync(join(folder, "results")), ["some.json"]);
  const again = new Store(folder, "some", settings);
  assert.ok(again.has("a") && again.has("b") && !again.has("c") && !again.has("toString"));
  assert.equal([...again.results(["a", "c"])], [["a", kept.result]]);
  assert.not(new Store(folder, "some", { quick: true, seeds: 3 }).has("a"));
  await store.add("lost", { ...kept, result: [Number.NaN, Number.POSITIVE_INFINITY, 1] });
  assert.equal(
    [...new Store(folder, "some", settings).results(["lost"]).values()],
    [[Number.NaN, Number.NaN, 1]],
  );

  const file = join(folder, "results", "some.json");
  const torn = readFileSync(file, "utf8").slice(0, 40);
  for (const text of [
    torn,
    "null",
    "{}",
    '{"jobs":7,"a":{}}',
    '{"jobs":{"a":null}}',
    '{"jobs":{"a":{"result":1}}}',
  ]) {
    writeFileSync(file, text);
    assert.throws(
      () => new Store(folder, "some", settings),
      /some\.json is not what this program has written; take it back from git/,
      text,
    );
  }
});

test("what is kept is replaced as a whole: who reads the old file reads it to its end", () => {
  const file = join(folder, "kept.json");
  writeKept(file, [1, 2, 3]);
  const open = openSync(file, "r");
  writeKept(file, { other: true });
  assert.is(readFileSync(open, "utf8"), "[1,2,3]");
  closeSync(open);
  assert.equal(readKept(file), { other: true });
  writeFileSync(file, "[1,");
  assert.is(readKept(file), undefined);
});

test("two sittings at once keep what each has found", async () => {
  const kept = (result: number) => ({ result, seconds: 1, versions: {} }) as never;
  const [one, other] = [new Store(folder, "both", settings), new Store(folder, "both", settings)];
  await one.add("first", kept(1));
  await other.add("second", kept(2));
  await one.add("third", kept(3));
  const all = new Store(folder, "both", settings).results(["first", "second", "third"]);
  assert.equal([...all.values()], [1, 2, 3]);
  // What is taken out of the file stays out.
  writeFileSync(join(folder, "results", "both.json"), '{"jobs":{}}');
  await one.add("fourth", kept(4));
  assert.equal([...new Store(folder, "both", settings).results(["first", "fourth"]).values()], [4]);
});

test("what another sitting is about to write is waited for, and kept", async () => {
  const kept = (result: number) => ({ result, seconds: 1, versions: {} }) as never;
  const file = join(folder, "results", "locked.json");
  mkdirSync(join(folder, "results"), { recursive: true });
  const lock = lockFile(resolveOnce(file));
  const added = new Store(folder, "locked", settings).add("first", kept(1));
  await Promise.race([added, wait(200)]);
  // As who has read the file before.
  writeFileSync(file, JSON.stringify({ jobs: { second: kept(2) } }));
  lock.release();
  await added;
  const all = new Store(folder, "locked", settings).results(["first", "second"]);
  assert.equal([...all.values()], [1, 2]);
  assert.equal(
    readdirSync(join(folder, "results")).filter((name) => name.startsWith("locked")),
    ["locked.json"],
  );
});

test("what a job has found so far is kept with its share, and is never taken for done", async () => {
  const id = "long, seed 0";
  const store = new Store(folder, "long", settings);
  const jobOf = (shares: readonly number[]): Job<number> => ({
    id,
    data: "MNIST",
    seconds: 1,
    async run({ progress, soFar }) {
      for (const share of shares) {
        progress(share);
        soFar(share);
      }
      throw new Error("killed");
    },
  });
  const adding: Promise<void>[] = [];
  const place = {
    folder: join(folder, "jobs", "long"),
    progress: () => {},
    soFar: (kept: Kept<number>) => adding.push(store.add(id, kept)),
  };
  const resultOf = () => new Store(folder, "long", settings).results([id]).get(id);
  for (const [shares, left] of [
    [[0.1, 0.4], 0.4],
    // Begun anew on another machine: less than there is.
    [[0.2], 0.4],
    [[0.5], 0.5],
    // Killed after its last step, before it has returned.
    [[1], 1],
  ] as const) {
    await runJob(jobOf(shares), place).catch(() => {});
    await Promise.all(adding);
    assert.is(resultOf(), left);
    assert.not(new Store(folder, "long", settings).has(id));
  }
  const kept = await runJob({ id, data: "MNIST", seconds: 1, run: async () => 1 }, place);
  await store.add(id, kept);
  assert.ok(store.has(id) && resultOf() === 1);
  for (const share of [0.9, 1]) {
    await store.add(id, { ...kept, result: 0.9, share });
    assert.ok(store.has(id) && resultOf() === 1);
  }
  // Whoever has computed all of it last is right.
  await store.add(id, { ...kept, result: 2 });
  assert.is(resultOf(), 2);
});

test("a test that is killed goes on from the images before, of the same decoder and solver alone", async () => {
  const decoderOf = (seed: number) => createDecoder({ layers: [2, 3], loss: "mse", seed });
  const data = createDataset(randomArray(1, 2500 * 3), { shape: [3] });
  const [decoder, file] = [decoderOf(1), join(folder, "test.json")];
  const whole = await measureFlow(decoder, data, lbfgs());
  let seen: number[] = [];
  const killed = (share: number) => {
    seen.push(share);
    if (share > 0.5) throw new Error("killed");
  };
  await measureFlow(decoder, data, lbfgs(), { file, progress: killed }).catch(() => {});
  assert.equal(seen, [0.4, 0.8]);
  seen = [];
  const progress = (share: number) => seen.push(share);
  const resumed = await measureFlow(decoder, data, lbfgs(), { file, progress });
  assert.equal(seen, [1]);
  assert.equal({ ...resumed, seconds: 0 }, { ...whole, seconds: 0 });

  for (const [other, solver, z0] of [
    [decoderOf(2), lbfgs()],
    [decoder, lbfgs({ maxSteps: 3 })],
    [decoder, lbfgs(), Float32Array.of(1, 0)],
  ] as const) {
    seen = [];
    await measureFlow(other, data, solver, { file, progress, z0 });
    assert.equal(seen, [0.4, 0.8, 1]);
  }
  writeFileSync(file, "{");
  assert.is((await measureFlow(decoder, data, lbfgs(), { file })).loss, whole.loss);
});

test("the page of the paper walks through every element", () => {
  assert.equal(new Set(inThePapersOrder), new Set(elements));
  assert.is(inThePapersOrder.length, elements.length);
});

const ofPaper = new Map(
  elements.map((element) => {
    const ids = jobsOf(element, settings).map(({ id }) => id);
    return [element.name, new Store("site/paper", element.name, settings).results(ids)];
  }),
);

test("each page of site/paper/ says what its results give (npm run reproduce -- --pages)", () => {
  const index = readFileSync("site/paper/index.md", "utf8");
  for (const { name, page } of elements) {
    const { markdown, appendix = "", summary } = page(ofPaper.get(name)!, settings, (of) => ofPaper.get(of)!);
    const text = readFileSync(`site/paper/${name}.md`, "utf8");
    for (const part of [markdown, appendix]) assert.ok(text.includes(part.trim()), name);
    for (const part of Object.values(summary)) assert.ok(index.includes(part), `${name}: ${part}`);
  }
});

test("every element has jobs of its own names, and a page of no results, of some, and of losses that are not finite", () => {
  /** The results with NaN in place of each loss. */
  const lost = (value: unknown): unknown =>
    typeof value !== "object" || value === null
      ? value
      : Array.isArray(value)
        ? value.map(lost)
        : Object.fromEntries(
            Object.entries(value).map(([key, one]) => [key, key === "loss" ? Number.NaN : lost(one)]),
          );
  const variants: ((results: ReadonlyMap<string, never>) => Map<string, never>)[] = [
    () => new Map<string, never>(),
    (results) => new Map([...results].filter((_, i) => i % 2 === 0)),
    (results) => new Map([...results].filter((_, i) => i % 2 === 1)),
    (results) => new Map([...results].map(([id, result]) => [id, lost(result) as never])),
  ];
  for (const element of elements) {
    const ids = jobsOf(element, settings).map(({ id }) => id);
    assert.is(new Set(ids).size, ids.length, element.name);
    assert.ok(ids.every((id) => /seed \d$/.test(id)));
    for (const [i, variant] of variants.entries()) {
      const of = (name: string) => variant(ofPaper.get(name)! as ReadonlyMap<string, never>);
      const { charts = {}, pictures: _, ...text } = element.page(of(element.name), settings, of);
      const wrong = i < 3 ? /NaN|undefined|Infinity/ : /undefined|Infinity/;
      assert.not.match(JSON.stringify(text), wrong, `${element.name}, variant ${i}`);
      for (const { lines } of Object.values(charts)) {
        for (const { points } of lines)
          assert.ok(
            points.every(({ y }) => Number.isFinite(y)),
            element.name,
          );
      }
    }
  }
});

test("no two lines of a chart look alike, and the paper's look the same in every chart", () => {
  const line = (name: string): ChartLine => ({ name, points: [] });
  const ours = Array.from({ length: 20 }, (_, i) => line(`line ${i}`));
  const paper = ["the paper's GFE-amd", "the paper's AE", "the paper's mixed"].map(line);
  const [alone, all] = [stylesOf(paper), stylesOf([...ours.slice(0, 5), ...paper, ...ours.slice(5)])];
  assert.equal(all.slice(5, 8), alone);
  assert.is(new Set(all.map(({ colour, symbol }) => `${colour} ${symbol}`)).size, all.length);
  // And without symbols.
  assert.is(new Set(stylesOf(ours).map(({ colour, dash }) => `${colour} ${dash}`)).size, ours.length);
  assert.is(stylesOf([{ ...line("one"), isDashed: true }])[0]!.dash, "dashed");
});

test("of a line of many points some have symbols, evenly over the axis; of one of few all", () => {
  const points = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ x: i + 1, y: 1, low: 1, high: 1 }));
  const marked = (count: number, scale: "value" | "log", shift = 0) =>
    withSymbols(points(count), scale, shift).flatMap((isMarked, i) => (isMarked ? i + 1 : []));
  assert.is(marked(30, "log").length, 30);
  for (const scale of ["value", "log"] as const) {
    const all = marked(1000, scale);
    assert.ok(all.length > 8 && all.length < 14, `${all.length}`);
    const gaps = all.slice(1).map((x, i) => (scale === "log" ? x / all[i]! : x - all[i]!));
    const far = gaps.slice(-5);
    assert.ok(Math.max(...far) < 1.2 * Math.min(...far), scale);
    // A twelfth of the axis: of three decades, or of 999.
    const gap = scale === "log" ? 1000 ** (1 / 12) : 999 / 12;
    assert.ok(Math.abs(far.at(-1)! / gap - 1) < 0.1, scale);
    assert.is.not(marked(1000, scale, 0.5)[0], all[0]);
  }
});

test("a chart's file is of that chart alone, whatever was drawn before", () => {
  const axes = { title: "", xTitle: "", yTitle: "" };
  const line = (name: string): ChartLine => ({
    name,
    points: [1, 2, 3].map((x) => ({ x, y: x, low: x - 0.1, high: x + 0.1 })),
  });
  const svgOf = (lines: readonly ChartLine[]) => {
    writeChart(join(folder, "alone"), { ...axes, lines });
    return readFileSync(join(folder, "alone.svg"), "utf8");
  };
  const first = svgOf([line("some")]);
  assert.is.not(svgOf([line("some"), line("others")]), first);
  assert.is(svgOf([line("some")]), first);
});

test("a linear axis reaches as far as the bands of its lines, a logarithmic one farther than its values", () => {
  const file = join(folder, "bands");
  const points = [
    { x: 1, y: 1, low: 0.9, high: 1.1 },
    { x: 2, y: 2, low: 0.1, high: 3.9 },
    { x: 3, y: 1.5, low: 1.4, high: 1.6 },
  ];
  const chart = { title: "", xTitle: "", yTitle: "", lines: [{ name: "some", points }] };
  assert.ok(hasBands(chart));
  assert.not(
    hasBands({ ...chart, lines: [{ name: "one seed", points: [{ x: 1, y: 1, low: 1, high: 1 }] }] }),
  );
  writeChart(file, chart);
  const svg = readFileSync(`${file}.svg`, "utf8");
  const labels = [...svg.matchAll(/text-anchor="end"[^>]*>([\d.,]+)<\/text>/g)].map(([, label]) =>
    Number(label),
  );
  assert.ok(Math.max(...labels) >= 3.9 && Math.min(...labels) <= 0.1, `${labels}`);
  // Symbols at either end are whole.
  const { min, max, ticks } = logAxis([0.1, 2, 5])!;
  assert.ok(min < 0.1 && min > 0.05 && max > 5 && max < 10, `${min} to ${max}`);
  assert.equal(ticks, [0.1, 0.2, 0.5, 1, 2, 5]);
  const alone = logAxis([3])!;
  assert.ok(alone.min < 3 && alone.max > 3 && alone.ticks.includes(3));
});

test("a logarithmic axis holds 0 apart, bands that reach below 0 and a chart of one value or none", () => {
  const file = join(folder, "axes");
  const svgOf = (points: ChartLine["points"]) => {
    const axes = { title: "", xTitle: "", yTitle: "", xScale: "log", yScale: "log" } as const;
    writeChart(file, { ...axes, lines: [{ name: "some", points }] });
    return readFileSync(`${file}.svg`, "utf8");
  };
  const labels = (svg: string) => [...svg.matchAll(/>([\d.,]+)<\/text>/g)].map(([, label]) => label);
  const svg = svgOf([
    { x: 0, y: 0.08, low: -0.02, high: 0.18 },
    { x: 60, y: 0.07, low: 0.06, high: 0.08 },
    { x: 3840, y: 0.3, low: 0.3, high: 0.3 },
  ]);
  assert.equal(labels(svg).slice(labels(svg).indexOf("0")).slice(0, 7), [
    "0",
    "50",
    "100",
    "200",
    "500",
    "1,000",
    "2,000",
  ]);
  for (const points of [[], [{ x: 1, y: 1, low: 1, high: 1 }]])
    assert.not.match(svgOf(points), /NaN|Infinity/);
  assert.not.match(svg, /NaN|Infinity/);
});

// Figure 3's jobs are table 1's, of data that are not fetched for a test.
for (const element of elements.filter(({ name }) => name !== "figure3")) {
  test(`${element.name}: a job runs, next to nothing of it, and the page has what it found`, async () => {
    const quick = { quick: true, seeds: 1 };
    const [job] = [...jobsOf(element, quick)].sort((a, b) => a.seconds - b.seconds);
    const shares: number[] = [];
    const context = {
      folder: join(folder, "jobs", element.name),
      progress: (share: number) => shares.push(share),
      soFar: () => {},
    };
    const kept = await runJob(job!, context);
    assert.ok(kept.seconds > 0 && kept.versions.kernels!.length === 16);
    assert.ok(shares.every((share) => share >= 0 && share <= 1));
    // As a page reads it.
    const results = new Map([[job!.id, parseResults(JSON.stringify(kept.result)) as never]]);
    const { markdown, summary, charts } = element.page(results, quick, () => new Map());
    assert.not.match(`${markdown}${JSON.stringify(summary)}`, /NaN|undefined|Infinity/);
    const empty = element.page(new Map<string, never>(), quick, () => new Map());
    assert.is.not(markdown, empty.markdown);
    for (const [file, chart] of Object.entries(charts ?? {})) writeChart(join(folder, file), chart);
  });
}

test("a job that goes on counts its seconds over sittings, and one that was of other code begins anew", async () => {
  const at = join(folder, "jobs", "sittings");
  const spin = async () => idle(60);
  const job = (run: Job<number>["run"]) => ({ id: "some, seed 0", data: "MNIST" as const, seconds: 1, run });
  mkdirSync(at, { recursive: true });
  writeFileSync(join(at, "job.seconds.json"), "1000");
  const context = { folder: at, progress: () => {}, soFar: () => {} };
  let soFar = 0;
  const { seconds } = await runJob(
    job(async (own) => {
      await spin();
      own.soFar(0);
      return 1;
    }),
    { ...context, soFar: (kept) => (soFar = kept.seconds) },
  );
  for (const counted of [soFar, seconds]) assert.ok(counted > 1000.04 && counted < 1010, `${counted}`);
  for (const stale of [
    new LatentflowError("other_run", "seed is 1 there and 2 here"),
    new LatentflowError("invalid_file", `${join(at, "some.checkpoint")}: not a checkpoint of this version`),
  ]) {
    writeFileSync(join(at, "some.checkpoint"), "");
    let runs = 0;
    const { result } = await runJob(
      job(async ({ folder: own }) => {
        if (runs++ === 0) throw stale;
        return readdirSync(own).length;
      }),
      context,
    );
    assert.equal([runs, result], [2, 0]);
  }
  const noSpace = Object.assign(new Error("no space"), { code: "ENOSPC" });
  for (const error of [
    new Error("other"),
    new LatentflowError("invalid_file", "data: truncated"),
    fileError(`train: cannot write ${join(at, "some.checkpoint")}`, noSpace),
  ]) {
    writeFileSync(join(at, "some.checkpoint"), "");
    await runJob(
      job(() => Promise.reject(error)),
      context,
    ).then(
      () => assert.unreachable(),
      (reason) => assert.is(reason, error),
    );
    assert.ok(existsSync(join(at, "some.checkpoint")), error.message);
  }
});

test("counted adjoints do what those they count do", async () => {
  const decoder = createDecoder({ layers: [2, 5, 9], loss: "mse", outputActivation: "sigmoid", seed: 2 });
  const y = randomArray(3, 20 * 9, 0, 1);
  const options = {
    batchSize: 5,
    seed: 1,
    backend: wasm({ threads: 1 }),
    solver: rk4({ grid: logGrid({ t1: 4, slices: 3, base: 4 }) }),
  };
  for (const adjoint of [approximate(), full(), direct()]) {
    const calls = noCalls();
    const counted = await train(decoder, y, { ...options, adjoint: countedAdjoint(adjoint, calls) });
    const plain = await train(decoder, y, { ...options, adjoint });
    assert.equal(counted.decoder.parameters, plain.decoder.parameters);
    assert.is(calls.digits, 20);
    // Four stages on each of three slices, and the gradient at the end.
    const back = adjoint.name === "approximate" ? 0 : 20 * 12;
    assert.equal([calls.gradients, calls.tangents, calls.mixed], [20 + back, back, back], adjoint.name);
    assert.ok(calls.forwards >= 20 * 12);
  }
});

test("a training that is followed counts its seconds over sittings, and not those of validation", async () => {
  const decoder = createDecoder({ layers: [2, 5, 9], loss: "mse", outputActivation: "sigmoid" });
  const y = randomArray(1, 60 * 9, 0, 1);
  const validation = { data: y, everyImages: 30 };
  const options = { batchSize: 5, seed: 1, backend: wasm({ threads: 1 }), validation };
  const shares: number[] = [];
  const first = followTraining({ folder }, "run", (share) => shares.push(share));
  const stop = new AbortController();
  const { onProgress, onEvent } = first.options;
  const stopped = train(decoder, y, {
    ...options,
    ...first.options,
    signal: stop.signal,
    onProgress(progress) {
      idle(5);
      onProgress(progress);
    },
    // After it, and before the next mini-batch: the checkpoint is of the images that the validation is of.
    onEvent(event) {
      onEvent(event);
      if (event.kind === "validation" && event.images >= 30) stop.abort();
    },
  });
  await stopped.then(
    () => assert.unreachable(),
    () => {},
  );
  const spent = first.seconds();
  assert.ok(spent > 0.02 && shares.at(-1) === 0.5);

  // Of a checkpoint after the one that it goes on from, which has been lost.
  const secondsFile = join(folder, "run.seconds.json");
  writeKept(secondsFile, [...readKept<object[]>(secondsFile)!, [59, 1e6]]);
  const pointsFile = join(folder, "run.validation.json");
  writeKept(pointsFile, [...readKept<object[]>(pointsFile)!, { images: 59, loss: 9, seconds: 9 }]);
  const second = followTraining({ folder }, "run", () => {});
  const run = await train(decoder, y, {
    ...options,
    ...second.options,
    onEvent(event) {
      if (event.kind === "validation") idle(600);
      second.options.onEvent(event);
    },
  });
  assert.is(run.history.at(-1)!.images, 60);
  assert.ok(second.seconds() > spent && second.seconds(0) === 0);
  assert.ok(second.seconds() < spent + 1, "validation counts, or is not there");
  assert.ok(second.seconds(30) <= second.seconds(60));
  // What was validated before the stop is there, too.
  assert.equal(
    second.points().map(({ images, loss }) => ({ images, loss })),
    run.validation,
  );
  assert.ok(second.points().every(({ images, seconds }) => seconds === second.seconds(images)));
});

test("a training has gone astray where it ends far above its lowest loss, or at none", () => {
  const of = (...losses: number[]) => losses.map((loss, i) => ({ images: 100 * i, loss }));
  assert.equal(lowestOf(of(0.7, Number.NaN, 0.2, 0.1, 0.3)), { images: 300, loss: 0.1 });
  assert.is(lowestOf(of(Number.NaN, Number.POSITIVE_INFINITY)), undefined);
  for (const [losses, isSo] of [
    [[0.7, 0.1, 0.119], false],
    [[0.7, 0.1, 0.121], true],
    [[0.7, 0.1, Number.NaN], true],
    [[0.7, Number.NaN, 0.1], false],
    [[], false],
  ] as const)
    assert.is(isAstray(of(...losses)), isSo, `${losses}`);
});

test("coupled AMD takes one step for all: a sample alone ends elsewhere, and as the letter's", async () => {
  const decoder = createDecoder({ layers: [3, 12, 20], seed: 4, loss: "bce" });
  const y = randomArray(2, 5 * 20, 0, 1);
  const backend = wasm({ relaxed: false, threads: 1 });
  const together = await encode(decoder, y, { backend: solvingBy(backend, coupledAmd) });
  assert.is(new Set(together.stats.acceptedSteps).size, 1);
  assert.ok(together.loss.every((loss, i) => loss < together.initialLoss[i]!));
  const alone = await encode(decoder, y.slice(0, 20), { backend: solvingBy(backend, coupledAmd) });
  const exact = await encode(decoder, y.slice(0, 20), { solver: letter(), backend });
  assert.ok(Math.abs(alone.loss[0]! - exact.loss[0]!) < 1e-3);
  assert.is.not(alone.stats.t[0], together.stats.t[0]);
});

test.run();
