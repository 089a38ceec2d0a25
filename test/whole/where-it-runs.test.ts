// run: alone
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";

// Two guides show code of the projects that `npm run test:everywhere` runs, each block with the files that it is from.

const guides = ["where-it-runs.md", "react.md"].map((name) =>
  readFileSync(new URL(`../../site/guides/${name}`, import.meta.url), "utf8"),
);
const blocks = guides.flatMap((text) => [
  ...text.matchAll(/(?:<!-- from (.+) -->\n)?```\w+\n([\s\S]*?)```/g),
]);

/** A project's file, its lines without indentation. */
const source = (file: string) =>
  unindented(readFileSync(new URL(`../everywhere/projects/${file}`, import.meta.url), "utf8"));

test("the guides have code for every kind of environment", () => {
  assert.ok(blocks.length >= 18, `${blocks.length} blocks`);
});

for (const [, from, code] of blocks) {
  test(`the code from ${from ?? "nowhere"} is there`, () => {
    assert.ok(from, `a block does not say where it is from:\n${code}`);
    const files = from.split(", ").map((file) => ({ file, text: source(file) }));
    const parts = unindented(code!).split("\n\n");
    for (const part of parts) {
      assert.ok(
        files.some(({ text }) => text.includes(part.trim())),
        `in none of ${from}:\n${part}`,
      );
    }
    for (const { file, text } of files) {
      assert.ok(
        parts.some((part) => text.includes(part.trim())),
        `nothing of it is in ${file}`,
      );
    }
  });
}

function unindented(text: string): string {
  return text.replace(/^[ \t]+/gm, "");
}

test.run();
