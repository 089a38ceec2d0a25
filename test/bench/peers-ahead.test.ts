// run: alone
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { DECODERS } from "../../bench/peers/ahead/decoders.ts";
import { checkBlas } from "../../bench/peers/ahead/pytorch.ts";
import { firstThere, isThere, leastLosses, shareThere } from "../../bench/peers/ahead/reach.ts";
import { aheadSection, ratioAt, withSection } from "../../bench/peers/ahead/report.ts";
import { type AheadResults, type DecoderFigure, missingIn } from "../../bench/peers/ahead/results.ts";
import { type Results, toMarkdown } from "../../bench/peers/report.ts";

// Of the part "Ahead of PyTorch's best" what needs no PyTorch, and what was committed of it.

const read = (file: string) =>
  readFileSync(new URL(`../../site/performance/${file}`, import.meta.url), "utf8");
const results: Results & { readonly ahead?: AheadResults } = JSON.parse(read("peers.json"));
const committed = results.ahead;

test("the committed results have seven decoders, and every setting of every contender", () => {
  assert.is(DECODERS.length, 7);
  assert.equal(missingIn(committed), []);
});

test("the committed page is made of them", () => {
  const page = read("peers.md");
  assert.ok(page.includes(aheadSection(committed!)));
  assert.is(withSection(toMarkdown(results), aheadSection(committed!)), page);
});

test("the table of the first page quotes the peers' page", () => {
  const peers = read("peers.md");
  const rows = [...read("index.md").matchAll(/^\| ([^|]+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]*) ?\|$/gm)];
  const names = [
    "relaxed SIMD",
    "relaxed SIMD",
    "onnxruntime-web",
    "tfjs, tf.grad",
    "tfjs, by hand",
    "PyTorch",
  ];
  for (const [place, [, , one, many, seconds]] of rows.slice(0, 6).entries()) {
    const gradients = peers.split("\n").find((line) => line.includes(names[place]!) && line.includes("(0."))!;
    assert.ok(gradients.includes(`| ${one} (`) && gradients.includes(`| ${many} (`), gradients);
    const encoded = place < 2 ? ["latentflow, lbfgs", "latentflow, amd"][place]! : names[place]!;
    if (seconds) assert.ok(peers.includes(`| ${encoded} | ${seconds} |`), `${encoded}: ${seconds}`);
  }
});

test("README and the first page quote the ratios of the results", () => {
  const { gradient, encode, training, ahead } = results;
  const of = <Figure extends { readonly name: string }>(
    figures: readonly Figure[],
    name: string,
    rows?: number,
  ) =>
    figures.find(
      (each) => each.name === name && (rows === undefined || ("rows" in each && each.rows === rows)),
    )!;
  const means = ahead!.decoders.map((each) => ratioAt(each, "mean")!);
  const both = means.filter((ratio) => ratio > 0 && ratio < Number.POSITIVE_INFINITY);
  assert.equal([both.length, means.filter((ratio) => ratio === 0).length, means.length], [4, 1, 7]);

  const [summary] = read("index.md").split("\n## ");
  const { ratio } = of(gradient, "PyTorch", 128);
  const { toAmd } = of(encode.figures, "PyTorch");
  for (const each of [ratio, toAmd, ...training.map(({ peer }) => peer!.ratio)])
    assert.ok(summary!.includes(`${each.toFixed(2)}`), each.toFixed(2));
  const range = (digits: number) =>
    `${Math.min(...both).toFixed(digits)} to ${Math.max(...both).toFixed(digits)} times as long`;
  assert.ok(summary!.includes(range(2)), range(2));

  const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
  const peers = ["onnxruntime-web", "tfjs, by hand", "PyTorch"];
  for (const [title, rows] of [
    ["gradient, one sample", 1],
    ["gradient, batches of 32, a sample", 32],
  ] as const) {
    const times = ["latentflow, relaxed SIMD", ...peers].map(
      (name) => `${of(gradient, name, rows).microsecondsPerSample.toFixed(0)} µs`,
    );
    assert.ok(readme.includes(`| ${title} | ${times.join(" | ")} |`), `${title}: ${times}`);
  }
  assert.ok(readme.includes(range(1)), range(1));
});

test("what is missing in results is named", () => {
  assert.equal(
    missingIn(undefined),
    DECODERS.map(({ name }) => name),
  );
  const [first, ...others] = committed!.decoders;
  assert.equal(missingIn({ ...committed!, decoders: others }), [first!.name]);
  const [contender, ...rest] = first!.contenders;
  const without = (contenders: DecoderFigure["contenders"]) =>
    missingIn({ ...committed!, decoders: [{ ...first!, contenders }, ...others] });
  assert.equal(without(rest), [`${first!.name}: ${contender!.name}`]);
  const [tried, ...later] = contender!.tried;
  assert.equal(without([{ ...contender!, tried: later }, ...rest]), [
    `${first!.name}: ${contender!.name} ${JSON.stringify(tried!.setting)}`,
  ]);
});

test("a sample is there within a thousandth of its best loss", () => {
  const best = [1, 2, 4, 8];
  const there = [1.0009, 2.0019, 4.0039, 8.0079];
  assert.is(shareThere(there, best), 1);
  assert.ok(isThere("most", there, best));
  const half = [1.0009, 2.0019, 4.0041, 8.0081];
  assert.is(shareThere(half, best), 0.5);
  assert.ok(isThere("half", half, best));
  assert.not.ok(isThere("most", half, best));
  // The mean may be there where no sample is, and the other way round.
  assert.ok(isThere("mean", [1.5, 2.5, 3.5, 7.5], best));
  assert.not.ok(isThere("mean", [...half.slice(0, 3), 9], best));
  assert.is(shareThere([Number.NaN], [1]), 0);
});

test("the first evaluation that is there counts", () => {
  const history = [
    [3, 3],
    [1, 3],
    [2, 2],
    [1, 2],
  ];
  const best = leastLosses([history], 2);
  assert.equal(best, [1, 2]);
  assert.is(firstThere("half", history, best), 1);
  assert.is(firstThere("most", history, best), 3);
  assert.is(firstThere("most", history.slice(0, 3), best), -1);
});

test("a BLAS that is not made for speed is refused", () => {
  assert.is(checkBlas("OpenBLAS (x)", ["libblas.so.3"]), "OpenBLAS (x)");
  assert.throws(
    () => checkBlas(null, ["/usr/lib/libblas.so.3"]),
    /\/usr\/lib\/libblas\.so\.3.*libopenblas0-pthread/,
  );
  assert.throws(() => checkBlas(null, []), /an unknown BLAS/);
});

test.run();
