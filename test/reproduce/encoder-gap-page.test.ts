// Tests the page of reproduce/encoder-gap.ts: reproduce/encoder-gap-findings.ts, reproduce/encoder-gap-figures.ts and
// reproduce/encoder-gap-tables.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Settings } from "../../reproduce/element.ts";
import { elementNamed, jobsOf } from "../../reproduce/elements.ts";
import {
  type GapFound,
  type GapWay,
  METHOD_WAYS,
  PRIOR_NAMES,
  TURNS,
} from "../../reproduce/encoder-gap-measuring.ts";
import { GAP_DATA, type GapData, idOf, isComputed, seedsFor } from "../../reproduce/encoder-gap-runs.ts";
import {
  GAP_COUNTS,
  GAP_METHODS,
  type GapCount,
  type GapMethod,
} from "../../reproduce/encoder-gap-training.ts";
import { testFloor } from "../../reproduce/floors.ts";
import { checksum } from "../../src/base/checksum.ts";
import { createRandom } from "../../src/base/random.ts";

test("the page says what the figures are, seed by seed, and that they are missing where they are", () => {
  const element = elementNamed("encoder-gap");
  const settings = { quick: false, seeds: 3 };
  const jobs = jobsOf(element, settings);
  assert.is(new Set(jobs.map(({ id }) => id)).size, jobs.length);
  const isFlowOfMany = ({ id }: { readonly id: string }) =>
    /^Fashion-MNIST, (5000|50000) images, flow/.test(id);
  assert.not.ok(jobs.some(isFlowOfMany), "flows of Fashion-MNIST are run for the fewest images");
  const hours = jobs.reduce((sum, { seconds }) => sum + seconds, 0) / 3600;
  assert.ok(hours < 25, `${hours} hours of a core are a day, by the jobs' own estimate`);
  const nothing = element.page(new Map<string, never>(), settings, () => new Map());
  assert.match(nothing.summary.holds, /not computed yet/);
  assert.not.match(`${nothing.markdown}${nothing.appendix}`, /NaN|undefined|…|\.png/);

  const measured = (loss: number, passes?: number) => ({ loss, squaredError: 0.01, seconds: 1, passes });
  const found = (encoder: number, inverted: number, refined?: number) =>
    ({
      intact: {
        encoder: measured(encoder),
        inverted: measured(inverted, 80 + 1000 * inverted),
        ...(refined && { refined: measured(refined, 13) }),
      },
      // No two are alike, so that no figure may stand in another's place.
      hidden: {
        "50 %": { encoder: { squaredError: 0.0468, crossEntropy: 0.2 } },
        "90 %": { encoder: { squaredError: 0.0568, crossEntropy: 0.3 } },
        "top half": { encoder: { squaredError: 0.0368, crossEntropy: 0.4 } },
      },
      noisy: { encoder: { squaredError: 0.08, crossEntropy: 0.5 } },
      baselines: {
        "50 %": { squaredError: 0.0662, crossEntropy: 1 },
        "90 %": { squaredError: 0.0663, crossEntropy: 1 },
        "top half": { squaredError: 0.0664, crossEntropy: 1 },
        noise: { squaredError: 0.0665, crossEntropy: 1 },
      },
      priors: { "50 %": "Gaussian, weight 0.3", "top half": "mixture of 10" },
      classified: {
        encoder: { linear: 0.8, neighbours: 0.943 },
        inverted: { linear: 0.77, neighbours: 0.92 },
      },
      turns: { 20: { inverted: 0.58, encoder: 0.7, gap: 0.73 } },
    }) as unknown as GapFound;
  const results = new Map([
    ...[0, 1, 2].map(
      (seed) => [`MNIST, 480 images, autoencoder, seed ${seed}`, found(0.0981, 0.0781, 0.0801)] as const,
    ),
    ["Fashion-MNIST, 50000 images, autoencoder, seed 0", found(0.3022, 0.2922, 0.2942)] as const,
    ["MNIST, 50000 images, autoencoder, seed 0", found(0.0781, 0.0731, 0.0736)] as const,
    ...[0, 1, 2].map(
      (seed) => [`MNIST, 480 images, masked autoencoder, seed ${seed}`, found(0.0881, 0.0771)] as const,
    ),
  ]);
  const {
    appendix = "",
    summary,
    ...rest
  } = element.page(results as unknown as Map<string, never>, settings, () => new Map());
  const markdown = `${rest.markdown}${appendix}`;
  assert.is(summary.holds, "On MNIST the answer is not computed yet.");
  const whole = new Map([
    ...results,
    ...[0, 1, 2].map(
      (seed) => [`MNIST, 5000 images, autoencoder, seed ${seed}`, found(0.0881, 0.0756, 0.0776)] as const,
    ),
    ...[0, 1, 2].flatMap((seed) => [
      [`Fashion-MNIST, 480 images, autoencoder, seed ${seed}`, found(0.3122, 0.2932, 0.2951)] as const,
      [`Fashion-MNIST, 5000 images, autoencoder, seed ${seed}`, found(0.3072, 0.2927, 0.2942)] as const,
    ]),
  ]);
  const answered = element.page(whole as unknown as Map<string, never>, settings, () => new Map());
  assert.is(
    answered.summary.holds,
    "On MNIST the gap shrinks from 0.0200 with 480 images to 0.0125 with 5,000 and 0.0050 with 50,000. The encoder's excess is the " +
      "sum of the inversion's and the gap. It falls from 0.0400 to 0.0200; 75 % of this fall is the gap's, 25 % the inversion's. The gap does not close: " +
      "with 50,000 images the encoder's excess is 1.33 times the inversion's. Inverted, the decoder of 480 images is at 0.0200, where " +
      "the encoder is at 0.0300 with 5,000 images and at 0.0200 with 50,000.",
  );
  assert.ok(
    answered.markdown.includes(
      "| MNIST | 5,000 | 0.0300 ± 0.0000 | 0.0175 ± 0.0000 | 0.0125 ± 0.0000 | 84 % |",
    ),
  );
  assert.match(
    answered.markdown,
    /5 steps of `lbfgs` close 80 to 90 % of the gap\. They take 13 evaluations .*\ngradient for an image, inversions 153 to 373\./,
  );
  // (0.0981 - 0.0580797) / (0.0781 - 0.0580797)
  assert.match(summary.ours, /^2\.00 ± 0\.00, …, 1\.33$/);
  // Losses less the floor, 0.0580797.
  assert.match(
    markdown,
    /\| excess loss, nats a pixel \| 480 \| {2}\| 0\.0400 ± 0\.0000 \| 0\.0220 ± 0\.0000 \| 0\.0300 ± 0\.0000 \| {2}\| 0\.0200 ± 0\.0000 \| {2}\|/,
  );
  assert.match(
    markdown,
    /\| squared error of hidden pixels, 50 % \| 480 \| 0\.0662 ± 0\.0000 \| 0\.0468 ± 0\.0000 \|/,
  );
  for (const row of [
    "| squared error of hidden pixels, 90 % | 480 | 0.0663 ± 0.0000 | 0.0568 ± 0.0000 |",
    // Of seven autoencoders and masked autoencoders there are eight runs.
    "| Gaussian, weight 0.3 | 8 | 0 | 0 | 0 |",
    "| mixture of 10 | 0 | 0 | 8 | 0 |",
    "| squared error of hidden pixels, top half | 480 | 0.0664 ± 0.0000 | 0.0368 ± 0.0000 |",
    "| squared error of denoised images | 480 | 0.0665 ± 0.0000 | 0.0800 ± 0.0000 |",
    "| accuracy, linear | 480 |  | 0.800 ± 0.000 |",
    "| accuracy, 5 neighbours | 480 |  | 0.943 ± 0.000 |",
    "| 480 | excess of the inverted code | 0.58 ± 0.00 |",
    "| 480 | excess of the encoder's code | 0.70 ± 0.00 |",
    "| 480 | the gap, encoder's less inverted | 0.73 ± 0.00 | … | … |",
    "| excess loss, nats a pixel | inverted: 0.0200; then encoder's code, 5 steps on: 0.0220 | … | … |",
    "| squared error of hidden pixels, 50 % | encoder's code and encoder trained with masks: 0.0468; then no network: 0.0662 | … | … |",
    "| cross entropy of hidden pixels, 90 % | encoder's code and encoder trained with masks: 0.3000; then no network: 1.0000 | … | … |",
    "| squared error of denoised images | 480; 50,000 |  | 480 |  |  |  |",
    "| MNIST | 480 | 0.0200 ± 0.0000 |",
    // Losses less the floor of Fashion-MNIST, 0.2421662.
    "| Fashion-MNIST | 50,000 | 0.0500 |",
  ])
    assert.ok(`${markdown}${appendix}`.includes(row), row);
  const [, fashion] = appendix.split("### Fashion-MNIST\n");
  for (const row of [
    "| 480 | autoencoder | 0.0981 ± 0.0000 (0.0400) |",
    "| 480 | autoencoder | 90 % | 0.0663 ± 0.0000; 1.0000 ± 0.0000 | 0.0568 ± 0.0000; 0.3000 ± 0.0000 |",
    "| 480 | autoencoder | 0.0800 ± 0.0000 |",
  ])
    assert.ok(appendix.includes(row), row);
  assert.ok(fashion!.includes("| 50,000 | autoencoder | 0.3022 (0.0600) |"), fashion);
  assert.ok(fashion!.includes("| excess loss, nats a pixel | 480 |"), "the main table, of Fashion-MNIST");
  assert.match(fashion!, /\| {2}\| 50,000 \| {2}\| 0\.0600 \| 0\.0520 \|/);
  // Of seeds that are missing a row speaks once.
  const some = new Map([["MNIST, 480 images, autoencoder, seed 1", found(0.0981, 0.0781)]]);
  assert.match(
    element.page(some as unknown as Map<string, never>, settings, () => new Map()).appendix!,
    /\| excess loss, nats a pixel \| 480, 1 of 3 seeds \| {2}\| 0\.0400 \| {2}\| … \| … \| 0\.0200 \| {2}\|/,
  );
  assert.not.match(markdown, /accuracy.*then/);
  assert.match(
    markdown,
    /right for a share of 0\.800 ± 0\.000 of the encoder's codes, and for 0\.770 ± 0\.000 of/,
  );
  assert.match(
    appendix,
    /\| 480 \| autoencoder \| 50 % \| 0\.0662 ± 0\.0000; 1\.0000 ± 0\.0000 \| 0\.0468 ± 0\.0000; 0\.2000 ± 0\.0000 \|/,
  );
  assert.match(appendix, /\| 480 \| autoencoder \| 0\.800 ± 0\.000; 0\.943 ± 0\.000 \|/);
  assert.match(appendix, /0\.58 ± 0\.00; 0\.70 ± 0\.00; 0\.73 ± 0\.00/);
});

/** A number from 0.1 to 0.9, another one for each run and each thing that is measured of it. */
const chanceOf = (...of: readonly (string | number)[]) =>
  0.1 + 0.8 * createRandom(checksum(new TextEncoder().encode(of.join()))).uniform();

/** Results of all runs, no two figures of which are alike. */
function differentResults(settings: Settings): Map<string, GapFound> {
  const ofRun = (id: string, floor: number, ways: readonly GapWay[]): GapFound => {
    const each = <Value>(make: (way: GapWay) => Value) =>
      Object.fromEntries(ways.map((way) => [way, make(way)])) as Record<GapWay, Value>;
    const errors = (damage: string) =>
      each((way) => ({
        squaredError: chanceOf(id, damage, way, "squared"),
        crossEntropy: chanceOf(id, damage, way, "cross"),
      }));
    const baseline = (damage: string) => ({
      squaredError: chanceOf(id, damage, "squared"),
      crossEntropy: chanceOf(id, damage, "cross"),
    });
    // Encoders are behind five steps, and these behind inversions, as everywhere.
    const order = { encoder: 3, refined: 2, inverted: 1, "inverted with a prior": 1 };
    return {
      trainedInSeconds: 1,
      intact: each((way) => ({
        loss: floor + order[way] + chanceOf(id, way),
        squaredError: chanceOf(id, way, "error"),
        passes: 100 * chanceOf(id, way, "passes"),
        seconds: 1,
      })),
      hidden: { "50 %": errors("50 %"), "90 %": errors("90 %"), "top half": errors("top half") },
      noisy: errors("noise"),
      baselines: {
        "50 %": baseline("50 %"),
        "90 %": baseline("90 %"),
        "top half": baseline("top half"),
        noise: baseline("noise"),
      },
      priors: Object.fromEntries(
        DAMAGES.map((damage) => [damage, PRIOR_NAMES[Math.floor(6 * chanceOf(id, damage))]!]),
      ),
      classified: each((way) => ({
        linear: chanceOf(id, way, "linear"),
        neighbours: chanceOf(id, way, "neighbours"),
      })),
      turns: Object.fromEntries(
        TURNS.map((degrees) => [
          degrees,
          {
            inverted: chanceOf(id, degrees, 1),
            encoder: chanceOf(id, degrees, 2),
            gap: chanceOf(id, degrees, 3),
          },
        ]),
      ),
    };
  };
  return new Map(
    GAP_DATA.flatMap((data) =>
      GAP_METHODS.flatMap((method) =>
        GAP_COUNTS.filter((count) => isComputed(data, count, method)).flatMap((count) =>
          seedsFor(method, count, settings).map((seed) => {
            const id = idOf(data, count, method, seed);
            return [id, ofRun(id, testFloor(data), METHOD_WAYS[method])] as const;
          }),
        ),
      ),
    ),
  );
}

const DAMAGES = ["50 %", "90 %", "top half", "noise"] as const;

test("each cell of the page is the figure of its data set, number of images, method and way, over all seeds", () => {
  const settings = { quick: false, seeds: 3 };
  const results = differentResults(settings);
  const runs = (data: GapData, count: GapCount, method: GapMethod) =>
    isComputed(data, count, method)
      ? seedsFor(method, count, settings).map((seed) => results.get(idOf(data, count, method, seed))!)
      : [];
  const meanOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  /** Figures as tables show them. */
  const shown = (values: readonly number[], digits = 4) => {
    const mean = meanOf(values);
    const deviation = Math.sqrt(
      values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1),
    );
    return mean.toFixed(digits) + (values.length > 1 ? ` ± ${deviation.toFixed(digits)}` : "");
  };
  const {
    markdown,
    appendix = "",
    charts,
  } = elementNamed("encoder-gap").page(results as unknown as Map<string, never>, settings, () => new Map());
  const [tables = ""] = appendix.split("\n## All figures\n");
  const [, ofMnist, ofFashion] = appendix.split(/\n### (?:MNIST|Fashion-MNIST)\n/);
  const appendixOf = { MNIST: ofMnist!, "Fashion-MNIST": ofFashion! };
  const has = (text: string, row: string) => assert.ok(text.includes(`| ${row} |`), row);
  const named = (count: number) => count.toLocaleString("en-US");

  const closed: number[] = [];
  /** By task, for each data set: the column that leads, by the number of images. */
  const leaders = new Map<string, string[][]>();
  for (const data of GAP_DATA) {
    const own = appendixOf[data];
    const floor = testFloor(data);
    for (const count of GAP_COUNTS) {
      const autoencoders = runs(data, count, "autoencoder").map(({ intact }) => intact);
      const excess = (way: "encoder" | "inverted") => autoencoders.map((intact) => intact[way]!.loss - floor);
      const gaps = autoencoders.map(({ encoder, inverted }) => encoder!.loss - inverted!.loss);
      const share = meanOf(
        autoencoders.map(({ encoder, refined }, i) => (encoder!.loss - refined!.loss) / gaps[i]!),
      );
      closed.push(share);
      const [encoder, inverted] = [shown(excess("encoder")), shown(excess("inverted"))];
      has(
        markdown,
        `${data} | ${named(count)} | ${encoder} | ${inverted} | ${shown(gaps)} | ${Math.round(100 * share)} %`,
      );
      const sentence = markdown.split(`\nOn ${data} the gap shrinks`)[1]!.split("\n")[0]!;
      for (const value of [meanOf(gaps), meanOf(excess("encoder"))])
        assert.ok(sentence.includes(value.toFixed(4)), `${data}, ${count}: ${value}`);

      for (const method of GAP_METHODS) {
        const found = runs(data, count, method);
        if (found.length === 0) continue;
        const ways = METHOD_WAYS[method];
        const cells = (from: readonly GapWay[], of: (way: GapWay) => string) =>
          from.map((way) => (ways.includes(way) ? of(way) : "")).join(" | ");
        const all = METHOD_WAYS.autoencoder;
        const begin = `${named(count)} | ${method}`;
        const losses = (way: GapWay) => found.map(({ intact }) => intact[way]!.loss);
        const ratio = ways.includes("encoder") && ways.includes("inverted");
        const loss = cells(
          ["encoder", "refined", "inverted"],
          (way) => `${shown(losses(way))} (${(meanOf(losses(way)) - floor).toFixed(4)})`,
        );
        const ratios = found.map(({ intact }) =>
          intact.encoder && intact.inverted
            ? (intact.encoder.loss - floor) / (intact.inverted.loss - floor)
            : 0,
        );
        has(own, `${begin} | ${loss} | ${ratio ? shown(ratios, 2) : ""}`);
        for (const hiding of ["50 %", "90 %", "top half"] as const) {
          const pair = (
            of: (one: GapFound) => { readonly squaredError: number; readonly crossEntropy: number },
          ) =>
            `${shown(found.map((one) => of(one).squaredError))}; ${shown(found.map((one) => of(one).crossEntropy))}`;
          const errors = cells(all, (way) => pair(({ hidden }) => hidden[hiding][way]!));
          has(own, `${begin} | ${hiding} | ${pair(({ baselines }) => baselines[hiding])} | ${errors}`);
        }
        has(
          own,
          `${begin} | ${cells(all, (way) => shown(found.map(({ noisy }) => noisy[way]!.squaredError)))}`,
        );
        const accuracy = (way: GapWay) =>
          (["linear", "neighbours"] as const)
            .map((by) =>
              shown(
                found.map(({ classified }) => classified[way as "encoder"]![by]),
                3,
              ),
            )
            .join("; ");
        has(own, `${begin} | ${cells(["encoder", "inverted"], accuracy)}`);
        if (!ways.includes("inverted")) continue;
        const scores = ratio ? (["inverted", "encoder", "gap"] as const) : (["inverted"] as const);
        const turned = TURNS.map((degrees) =>
          scores
            .map((score) =>
              shown(
                found.map(({ turns }) => turns[degrees]![score]!),
                2,
              ),
            )
            .join("; "),
        );
        has(own, `${begin} | ${turned.join(" | ")}`);
      }
      const trained = (["autoencoder", "kept codes", "flow"] as const).map((method) => {
        const found = runs(data, count, method);
        return found.length > 0 ? shown(found.map(({ intact }) => intact.inverted!.loss - floor)) : "";
      });
      has(tables, `${data} | ${named(count)} | ${trained.join(" | ")}`);
    }

    const [few, all] = [runs(data, 480, "autoencoder"), runs(data, GAP_COUNTS[2]!, "autoencoder")];
    const excessOf = (found: readonly GapFound[], way: "encoder" | "inverted") =>
      meanOf(found.map(({ intact }) => intact[way]!.loss)) - floor;
    const fall = excessOf(few, "encoder") - excessOf(all, "encoder");
    const ofInversion = excessOf(few, "inverted") - excessOf(all, "inverted");
    const paragraph = markdown.split(`\nOn ${data} the gap shrinks`)[1]!.split("\n")[0]!;
    for (const said of [
      `${Math.round(100 * (1 - ofInversion / fall))} % of this fall is the gap's`,
      `is ${(excessOf(all, "encoder") / excessOf(all, "inverted")).toFixed(2)} times the inversion's`,
      `of 480 images is at ${excessOf(few, "inverted").toFixed(4)}`,
    ])
      assert.ok(paragraph.includes(said), `${data}: ${said}`);

    // The best two, and those that are worse than no network with every seed.
    const columns: readonly (readonly [name: string, method: GapMethod, way: GapWay | undefined])[] = [
      ["no network", "autoencoder", undefined],
      ["encoder's code", "autoencoder", "encoder"],
      ["encoder's code, 5 steps on", "autoencoder", "refined"],
      ["encoder trained with masks", "masked autoencoder", "encoder"],
      ["encoder trained with masks, 5 steps on", "masked autoencoder", "refined"],
      ["inverted", "autoencoder", "inverted"],
      ["inverted with a prior", "autoencoder", "inverted with a prior"],
      ["inverted, kept codes", "kept codes", "inverted"],
      ["inverted with a prior, kept codes", "kept codes", "inverted with a prior"],
      ["inverted, flow", "flow", "inverted"],
      ["inverted with a prior, flow", "flow", "inverted with a prior"],
    ];
    for (const damage of DAMAGES) {
      for (const measure of damage === "noise"
        ? (["squaredError"] as const)
        : (["squaredError", "crossEntropy"] as const)) {
        const task =
          damage === "noise"
            ? "squared error of denoised images"
            : `${measure === "squaredError" ? "squared error" : "cross entropy"} of hidden pixels, ${damage}`;
        const errorOf = (one: GapFound, way: GapWay | undefined) =>
          (way === undefined
            ? one.baselines[damage]
            : (damage === "noise" ? one.noisy : one.hidden[damage])[way]!)[measure];
        const best = GAP_COUNTS.map((count) => {
          const there = columns
            .filter(([, method]) => runs(data, count, method).length > 0)
            .map(([name, method, way]) => ({
              name,
              mean: meanOf(runs(data, count, method).map((one) => errorOf(one, way))),
            }))
            .sort((a, b) => a.mean - b.mean);
          return there
            .slice(0, 2)
            .map(({ name, mean }) => `${name}: ${mean.toFixed(4)}`)
            .join("; then ");
        });
        has(tables, `${task} | ${best.join(" | ")}`);
        const worse = columns.slice(1).map(([, method, way]) => {
          const counts = GAP_COUNTS.filter((count) => {
            const found = runs(data, count, method);
            return found.length > 0 && found.every((one) => errorOf(one, way) > errorOf(one, undefined));
          });
          return counts.length === GAP_COUNTS.length ? "all" : counts.map(named).join("; ");
        });
        has(tables, `${task} | ${worse.join(" | ")}`);
        leaders.set(task, [...(leaders.get(task) ?? []), best.map((two) => two.split(": ")[0]!)]);
      }
    }
  }
  for (const [task, ofData] of leaders) {
    const cells = ofData.map((names) => {
      const each = [...new Set(names)].map((name) => {
        const counts = GAP_COUNTS.filter((_, i) => names[i] === name).map(named);
        return `${counts.join(" and ")} images: ${name}`;
      });
      return each.length === 1 ? names[0] : each.join("; ");
    });
    has(markdown, `${task} | ${cells.join(" | ")}`);
  }
  const costs = (way: "refined" | "inverted") =>
    GAP_DATA.flatMap((data) =>
      GAP_COUNTS.map((count) =>
        meanOf(runs(data, count, "autoencoder").map(({ intact }) => intact[way]!.passes!)),
      ),
    );
  const range = (values: readonly number[]) =>
    `${Math.round(Math.min(...values))} to ${Math.round(Math.max(...values))}`;
  const text = markdown.replace(/\s+/g, " ");
  for (const said of [
    `5 steps of \`lbfgs\` close ${range(closed.map((share) => 100 * share))} % of the gap`,
    `They take ${range(costs("refined"))} evaluations`,
    `inversions ${range(costs("inverted"))}.`,
  ])
    assert.ok(text.includes(said), said);
  has(markdown, "480 | 400 | 200 | 3");
  assert.match(
    appendix,
    /192,000, 300,000, 600,000 for autoencoders and kept codes, 96,000, 100,000, 50,000 for flows/,
  );
  for (const name of PRIOR_NAMES) {
    const counts = DAMAGES.map(
      (damage) => [...results.values()].filter(({ priors }) => priors[damage] === name).length,
    );
    has(tables, `${name} | ${counts.join(" | ")}`);
  }
  const { lines } = charts!["encoder-gap"]!;
  for (const [method, way, name] of [
    ["autoencoder", "encoder", "autoencoder, encoder's code"],
    ["autoencoder", "inverted", "autoencoder, inverted"],
    ["masked autoencoder", "encoder", "masked autoencoder, encoder's code"],
  ] as const) {
    const line = lines.find((each) => each.name === name);
    const expected = GAP_COUNTS.map(
      (count) =>
        meanOf(runs("MNIST", count, method).map(({ intact }) => intact[way]!.loss)) - testFloor("MNIST"),
    );
    assert.equal(
      line?.points.map(({ y }) => y.toFixed(9)),
      expected.map((y) => y.toFixed(9)),
      name,
    );
  }
});

test.run();
