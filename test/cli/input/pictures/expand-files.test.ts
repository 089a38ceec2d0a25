import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { compareNames, expandFiles } from "../../../../src/cli/input/pictures/expand-files.ts";
import { Workplace } from "../../../support/program.ts";
import { rejected } from "../../../support/refusal.ts";

const workplace = new Workplace();
test.after(() => workplace.dispose());

const folder = workplace.newPath();
const files = [
  "p10.png",
  "p9.PNG",
  "p1.jpg",
  "notes.txt",
  ".hidden.png",
  "a[1].png",
  "in/q2.jpeg",
  "in/deep/q1.png",
];
mkdirSync(join(folder, "in/deep"), { recursive: true });
for (const file of files) writeFileSync(join(folder, file), "");
mkdirSync(join(folder, "none"));

const expand = async (...paths: string[]) =>
  (
    await expandFiles(
      "--data",
      paths.map((path) => join(folder, path)),
    )
  ).map((path) => path.slice(folder.length + 1));

test("a folder is its pictures in natural order, without folders below and hidden files", async () => {
  assert.equal(
    (await expandFiles("--data", [folder])).map((path) => path.slice(folder.length + 1)),
    ["a[1].png", "p1.jpg", "p9.PNG", "p10.png"],
  );
  await rejected(expandFiles("--data", [join(folder, "none")]), "invalid_argument", /no PNG or JPEG files/);
});

test("what a folder has besides is said, and where its pictures are if it has none", async () => {
  const said: string[] = [];
  const say = (message: string) => void said.push(message.replaceAll(folder, "FOLDER"));
  await expandFiles("--data", [folder], say);
  assert.equal(said, [
    "--data FOLDER: 1 file skipped, by its name neither PNG nor JPEG: notes.txt",
    "--data FOLDER: 1 picture in folders below skipped; to take them, give FOLDER/**/*.jpeg in quotes",
  ]);
  const mixed = workplace.newPath();
  mkdirSync(join(mixed, "in"), { recursive: true });
  for (const name of ["a.png", "b.webp", "c.gif"]) writeFileSync(join(mixed, name), "");
  said.length = 0;
  await expandFiles("--data", [mixed, join(folder, "in")], say);
  assert.is(said.length, 2);
  assert.match(said[0]!, /2 files skipped, by their names neither PNG nor JPEG: b\.webp, say/);
  assert.match(said[1]!, /1 picture in folders below/);
  const outer = workplace.newPath();
  mkdirSync(join(outer, "in"), { recursive: true });
  writeFileSync(join(outer, "in", "a.png"), "");
  await rejected(
    expandFiles("--data", [outer], say),
    "invalid_argument",
    /folders below have some: give .*in quotes/,
  );
  assert.equal(
    (await expandFiles("--data", [join(outer, "**", "*.png")], say)).map((path) => path.slice(outer.length)),
    ["/in/a.png"],
  );
});

test("patterns: any text, any character, any folders", async () => {
  assert.equal(await expand("p*"), ["p1.jpg", "p9.PNG", "p10.png"]);
  assert.equal(await expand("p?.*"), ["p1.jpg", "p9.PNG"]);
  assert.equal(await expand("*.png"), ["a[1].png", "p10.png"]);
  assert.equal(await expand("*/*.jpeg"), ["in/q2.jpeg"]);
  assert.equal(await expand("**/*.png"), ["a[1].png", "in/deep/q1.png", "p10.png"]);
  assert.equal(await expand("i*/deep/q1.png", "p1.jpg"), ["in/deep/q1.png", "p1.jpg"]);
  await rejected(expand("x*.png"), "invalid_argument", /--data .*x\*\.png: no file matches/);
});

test("files, names in brackets, missing files and stdin are taken as they are", async () => {
  assert.equal(await expand("a[1].png", "nowhere.npy"), ["a[1].png", "nowhere.npy"]);
  assert.equal(await expandFiles("--data", ["-", "-#y"]), ["-", "-#y"]);
});

test("natural order does not depend on the order that files come in", () => {
  const names = ["b2", "b10", "B2", "b02", "a", "b"];
  const sorted = [...names].sort(compareNames);
  assert.equal([...names].reverse().sort(compareNames), sorted);
  assert.ok(sorted.indexOf("b2") < sorted.indexOf("b10"));
});

test.run();
