import { InvalidArgumentError } from "commander";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { chosenPart, parsePartFlag } from "../../../src/cli/parts/part-flag.ts";

test("--part is I/N, and refuses what is none", () => {
  assert.equal(parsePartFlag("0/1"), { index: 0, count: 1 });
  assert.equal(parsePartFlag("15/16"), { index: 15, count: 16 });
  assert.is(parsePartFlag("auto"), "auto");
  const others = ["", "3", "1/2/3", "-1/2", "1/-2", "0.5/2", "1/2x", " 0/2", "0/", "/2", "0x1/2", "1e1/20"];
  for (const [text, message] of [
    ["16/16", /I counts from 0: expected 0\/16 to 15\/16\./],
    ...["1/0", "Auto", ...others].map((text) => [text, /Expected I\/N, 0\/16 say, or auto\./] as const),
  ] as const) {
    assert.throws(
      () => parsePartFlag(text),
      (error: unknown) => error instanceof InvalidArgumentError && message.test(error.message),
      text,
    );
  }
});

test("--part auto takes the index of each batch system, or says what to write", () => {
  const cases: [environment: Record<string, string>, parts: number, index: number][] = [
    [{ SLURM_ARRAY_TASK_ID: "0" }, 16, 0],
    [{ SLURM_ARRAY_TASK_ID: "15" }, 16, 15],
    [{ JOB_COMPLETION_INDEX: "3", PARALLEL_SEQ: "" }, 4, 3],
    [{ AWS_BATCH_JOB_ARRAY_INDEX: "2" }, 4, 2],
    [{ PARALLEL_SEQ: "1" }, 4, 0],
    [{ PARALLEL_SEQ: "4" }, 4, 3],
  ];
  for (const [environment, count, index] of cases) {
    assert.equal(chosenPart("auto", count, environment), { index, count });
  }
  assert.equal(chosenPart({ index: 1, count: 2 }, undefined, { PARALLEL_SEQ: "9" }), { index: 1, count: 2 });
  assert.is(chosenPart(undefined, undefined, { PARALLEL_SEQ: "9" }), undefined);

  const refused: [Parameters<typeof chosenPart>, RegExp][] = [
    [["auto", 4, {}], /none of SLURM_ARRAY_TASK_ID, JOB_COMPLETION_INDEX, .* is set .*; give --part I\/N/],
    [["auto", undefined, { SLURM_ARRAY_TASK_ID: "0" }], /Slurm says which part this is, .*; add --parts N$/],
    [
      ["auto", 16, { SLURM_ARRAY_TASK_ID: "16" }],
      /is "16", expected 0 to 15 of --parts 16; start 16 tasks, numbered from 0, or give as --parts how many there are$/,
    ],
    [["auto", 4, { PARALLEL_SEQ: "5" }], /PARALLEL_SEQ is "5", expected 1 to 4 of --parts 4; .* from 1/],
    [["auto", 4, { PARALLEL_SEQ: "0" }], /PARALLEL_SEQ is "0", expected 1 to 4/],
    [["auto", 4, { SLURM_ARRAY_TASK_ID: "-1" }], /is "-1", expected 0 to 3/],
    [["auto", 4, { SLURM_ARRAY_TASK_ID: "1.5" }], /is "1\.5", expected 0 to 3/],
    [
      ["auto", 4, { SLURM_ARRAY_TASK_ID: "1", PARALLEL_SEQ: "2" }],
      /are both set; say which counts: --part \$SLURM_ARRAY_TASK_ID\/N$/,
    ],
  ];
  for (const [args, message] of refused) assert.throws(() => chosenPart(...args), message);
});

test.run();
