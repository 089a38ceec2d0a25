import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { creditsPage } from "../../examples/typefaces/credits.ts";
import { PARTS, readFamilies } from "../../examples/typefaces/families.ts";

// What families.json promises of the split and of the licences.

const families = readFamilies();

test("there are 120 families or more, each once, with an exact version", () => {
  assert.ok(families.length >= 120, `${families.length} families`);
  assert.is(new Set(families.map((family) => family.package)).size, families.length);
  assert.is(new Set(families.map((family) => family.name)).size, families.length);
  for (const { package: name, version } of families) {
    assert.match(name, /^@fontsource\/[a-z0-9-]+$/);
    assert.match(version, /^\d+\.\d+\.\d+$/);
  }
});

test("all are under the OFL 1.1, with an author", () => {
  for (const { licence, author, name } of families) {
    assert.is(licence, "OFL-1.1", name);
    assert.ok(author.length > 2, name);
  }
});

test("the page of credits is the one that families.json gives", () => {
  const page = readFileSync(new URL("../../site/results/typefaces-families.md", import.meta.url), "utf8");
  assert.is(page, creditsPage(families), "npm run typefaces -- credits writes it");
});

test("families of one design lie in one part of the split", () => {
  const parts = new Map<string, string>();
  for (const { group, part, name } of families) {
    assert.ok(PARTS.includes(part), name);
    assert.is(parts.get(group) ?? part, part, `${name} is in ${part}, others of ${group} are not`);
    parts.set(group, part);
  }
});

test("names that begin alike are of one group", () => {
  // "Barlow" and "Barlow Condensed".
  for (const one of families) {
    for (const other of families) {
      if (other.name.startsWith(`${one.name} `))
        assert.is(other.group, one.group, `${one.name}, ${other.name}`);
    }
  }
});

test("each part has families of every kind", () => {
  for (const part of PARTS) {
    const names = families.filter((family) => family.part === part).map((family) => family.name);
    assert.ok(names.length >= 30, `${part} has ${names.length}`);
    for (const kind of [/Mono/, /Condensed|Narrow/, /Serif|Slab/]) {
      assert.ok(
        names.some((name) => kind.test(name)),
        `${part} has none of ${kind}`,
      );
    }
  }
});

test.run();
