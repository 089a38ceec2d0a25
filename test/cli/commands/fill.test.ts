// run: slow
// Tests src/cli/commands/fill.ts, src/cli/fill/candidate.ts, src/cli/fill/column-errors.ts: a table in, the table with its holes filled out.
import { readFileSync, writeFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { gunzipSync } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createRandom } from "../../../src/base/random.ts";
import { Workplace } from "../../support/program.ts";
import { runHere } from "../../support/run-here.ts";

const workplace = new Workplace();
test.after(() => workplace.dispose());

const random = createRandom(1);
/** Rows of a table in which all columns follow from one number, some of its cells empty. */
const rows = Array.from({ length: 60 }, (_, i) => {
  const u = random.uniform();
  const cells = [(150 + 40 * u).toFixed(1), `${Math.round(100 * u)}`, u > 0.5 ? "tall, very" : "small"];
  return [`p${i}`, ...cells.map((cell) => (random.uniform() < 0.2 ? "" : cell))];
});
const quoted = (cell: string) => (cell.includes(",") ? `"${cell}"` : cell);
const text = [["id", "height", "score", "kind"], ...rows]
  .map((row) => row.map(quoted).join(","))
  .join("\r\n");
const save = (content: string) => {
  const file = `${workplace.newPath()}.csv`;
  writeFileSync(file, content);
  return file;
};
const fill = (...args: string[]) => runHere("fill", ...args, "--threads", "1", "--quiet");

test("cells that are seen stay as they are; missing ones are filled, numbers with the column's decimals", async () => {
  const file = save(text);
  const out = `${workplace.newPath()}.csv`;
  const options = ["--id-column", "id", "--categories", "kind"];
  const { exit, stdout, stderr } = await fill(file, "--out", out, ...options, "--json");
  assert.is(exit, 0, stderr);
  const filled = readFileSync(out, "utf8").split("\r\n");
  assert.is(filled.length, rows.length + 1);
  for (const [i, row] of rows.entries()) {
    const cells = /^(p\d+),(\d+\.\d|\d+),(-?\d+),(small|"tall, very")$/.exec(filled[i + 1]!)?.slice(1);
    assert.ok(cells, filled[i + 1]);
    for (const [c, cell] of row.entries()) if (cell !== "") assert.is(cells![c], quoted(cell));
  }
  const document = JSON.parse(stdout);
  // A missing category is one cell, though two values stand for it.
  assert.is(document.missing, rows.flat().filter((cell) => cell === "").length);
  const cells = document.columns.map((column: { cells: number }) => column.cells);
  assert.is(document.heldOut, cells[0] + cells[1] + cells[2]);
  assert.ok(document.errors.fill < 0.6 * document.errors.mean, stdout);
  assert.equal(
    document.columns.map(({ name }: { name: string }) => name),
    ["height", "score", "kind"],
  );
  assert.equal(document.files, [out]);
  const packed = `${out}.gz`;
  const again = await fill(file, "--out", packed, ...options);
  assert.is(again.exit, 0, again.stderr);
  assert.is(gunzipSync(readFileSync(packed)).toString(), readFileSync(out, "utf8"));
  assert.match(again.stdout, /held-out cell.* standard deviations; columns' means .*, iterative PCA/);
});

test("what cannot be filled is refused, and nothing is written", async () => {
  const file = save(text);
  const options = ["--id-column", "id", "--categories", "kind"];
  for (const [args, message] of [
    [[file, "--out", file, ...options], /^latentflow: --out \S+ is the table itself; give another file\n$/],
    [
      [file, "--out", `${dirname(file)}/not-there/../${basename(file)}`, ...options],
      /^latentflow: --out \S+ is the table itself; give another file\n$/,
    ],
    [[file, "--out", "x.csv", "--id-column", "id"], /the column "kind" has .*--categories kind/],
    [[file, "--out", "x.npy", ...options], /the filled table is text, .*; give a name that ends in \.csv/],
    [[save("a,b\n1,2\n3,4\n5,6\n7,8\n9,10\n"), "--out", "x.csv"], /no cell is missing/],
    [
      [save("a,b\n1,\n3,\n5,\n7,\n9,\n"), "--out", "x.csv"],
      /nothing is seen of "b"; leave out what is empty/,
    ],
    [
      [file, "--out", "x.csv", "--columns", "height"],
      /\.csv: too little is seen, expected rows with two seen cells/,
    ],
    [[save("a,b\n1,\n,2\n"), "--out", "x.csv"], /it has 2 rows, expected 5 at least/],
    [
      [workplace.writeFloats(new Float32Array(20), [10, 2]), "--out", "x.csv"],
      /it is no table, expected a CSV or TSV/,
    ],
  ] as const) {
    const { exit, stderr } = await fill(...args);
    assert.is(exit, 1, stderr);
    assert.match(stderr, message);
  }
  assert.is(readFileSync(file, "utf8"), text);
});

test("where the columns say nothing of one another, the report says so", async () => {
  const noise = Array.from({ length: 80 }, () =>
    [0, 1, 2].map(() => (random.uniform() < 0.2 ? "NA" : random.uniform().toFixed(3))).join("\t"),
  );
  const file = save(["a\tb\tc", ...noise].join("\n"));
  const { exit, stdout, stderr } = await fill(file, "--out", `${workplace.newPath()}.tsv`);
  assert.is(exit, 0, stderr);
  assert.match(stdout, /the columns' means are as good|iterative PCA is (as good|better) here/);
});

test.run();
