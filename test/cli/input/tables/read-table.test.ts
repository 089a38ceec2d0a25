// Tests src/cli/input/tables/read-table.ts, src/cli/input/tables/table-layout.ts, src/cli/input/tables/table-rows.ts,
// src/cli/input/tables/table-text.ts, src/cli/input/tables/cells.ts, src/cli/input/tables/one-hot.ts,
// src/cli/input/tables/odd-cells.ts, src/cli/input/tables/rounding.ts, src/cli/input/tables/column-names.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { MISSING } from "../../../../src/cli/input/tables/cells.ts";
import { readTable } from "../../../../src/cli/input/tables/read-table.ts";
import { valueNames } from "../../../../src/cli/input/tables/table.ts";
import type { TableReading } from "../../../../src/cli/input/tables/table-flags.ts";
import { rejected } from "../../../support/refusal.ts";

// Tables as spreadsheets and data frames write them, how columns are chosen, and what is refused.

const limits = { maxBytes: 2 ** 30, signal: undefined };

function read(text: string | Uint8Array, reading: TableReading = {}, maxBytes = limits.maxBytes) {
  const bytes = typeof text === "string" ? Buffer.from(text) : text;
  return readTable(bytes, { isOfSamples: true, ...reading }, { ...limits, maxBytes });
}

/** Names of the values, and the rows as lists of numbers. */
async function rowsOf(text: string | Uint8Array, reading?: TableReading) {
  const table = await read(text, reading);
  const names = valueNames(table);
  const rows = Array.from({ length: table.rows }, (_, i) =>
    Array.from(table.values.subarray(i * names.length, (i + 1) * names.length)),
  );
  return [names, ...rows];
}

function refused(text: string | Uint8Array, message: RegExp, reading?: TableReading, maxBytes?: number) {
  return rejected(read(text, reading, maxBytes), "invalid_file", message);
}

const AB = [
  ["a", "b"],
  [1.5, 2],
  [3, -4000],
];

test("a header and numbers, however they are divided, ended and quoted", async () => {
  for (const text of [
    "a,b\n1.5,2\n3,-4e3\n",
    "a,b\n1.5,2\n3,-4e3",
    "a;b\r\n1.5;2\r\n3;-4e3\r\n\r\n",
    "a\tb\r1.5\t2\r3\t-4e3\r",
    "\ufeffa,b\n1.5,2\n3,-4e3\n",
    '"a","b"\n"1.5","2"\n 3 , -4E+3 \n',
    'a, "b"\n\n 1.50 ,"2"\n\n\n+3,-4000.\n  \n',
  ]) {
    assert.equal(await rowsOf(text), AB, JSON.stringify(text));
  }
  assert.equal(await rowsOf("a|b\n1.5|2\n3|-4e3\n", { delimiter: "|" }), AB);
  assert.equal(await rowsOf("a;b\n1,5;2\n3;-4e3\n", { decimalComma: true }), AB);
  assert.equal(await rowsOf('a,b\n"1,5",2\n3,-4e3\n', { decimalComma: true }), AB);
});

test("a cell in quotes may have the delimiter, line breaks and quotes", async () => {
  const text = '"a;\tb","say ""x""\nplease"\r\n1,2\r\n';
  assert.equal(await rowsOf(text), [
    ["a;\tb", 'say "x"\nplease'],
    [1, 2],
  ]);
  await refused(`${text}\r\n1,x`, /^the column "say \\"x\\"\\nplease" has "x" in line 5,/);
});

test("without a header columns are counted", async () => {
  const expected = [
    ["1", "2"],
    [1, 2],
    [3, 4],
  ];
  assert.equal(await rowsOf("1,2\n3,4\n"), expected);
  assert.equal(await rowsOf("1,2,9\n3,4,9\n", { columns: ["1,2"] }), expected);
  assert.is((await read("1,2\n3,4\n")).hasHeader, false);
  // A missing value is no number: pandas' header of row numbers has an empty cell.
  assert.is((await read("0,1\n,4\n")).hasHeader, false);
  assert.is((await read("x,1\n3,4\n")).hasHeader, true);
});

test("missing values are NaN", async () => {
  const text = `a,b\n${["", ...MISSING].map((word) => `${word},1`).join("\n")}\n`;
  const [, ...rows] = await rowsOf(text);
  assert.is(rows.length, MISSING.length + 1);
  for (const row of rows) assert.equal(row, [Number.NaN, 1]);
});

test("columns by name, in the order that is asked for; identifiers are no values", async () => {
  const text = 'id,"b,c",a\np1,1,2\n007,3,4\n';
  for (const columns of [["a", "b,c"], ['a,"b,c"'], ['"b,c"'], ['a , "b,c"']]) {
    const [names, first] = await rowsOf(text, { columns });
    assert.equal(names, columns[0] === '"b,c"' ? ["b,c"] : ["a", "b,c"]);
    assert.equal(first, columns[0] === '"b,c"' ? [1] : [2, 1]);
  }
  const table = await read(text, { idColumn: "id" });
  assert.equal(valueNames(table), ["b,c", "a"]);
  assert.equal(table.ids, ["p1", "007"]);
  for (const [reading, message] of [
    [{ columns: ["x"] }, /^the table has no column "x"; it has "id", "b,c", "a"$/],
    [{ idColumn: "x" }, /^the table has no column "x"/],
    [{ columns: ["a,a"] }, /^the column "a" is named twice, expected each column once$/],
  ] as const) {
    await rejected(read(text, reading), "invalid_argument", message);
  }
  await refused("id,a\n,1\n", /^line 2 of the column "id" of identifiers is empty; give each row one$/, {
    idColumn: "id",
  });
});

test("categories are one value each", async () => {
  const text = 'sex,n,"x,y"\nm,1,b\nf,2,NA\n,3,"a,=|"\n';
  const nan = Number.NaN;
  assert.equal(await rowsOf(text, { categories: ['sex,"x,y"'] }), [
    ["sex=f", "sex=m", "n", "x,y=a,=|", "x,y=b"],
    [0, 1, 1, 0, 1],
    [1, 0, 2, nan, nan],
    [nan, nan, 3, 1, 0],
  ]);
  assert.equal(await rowsOf(text, { columns: ["n", "sex"], categories: ["sex=m|f|other"] }), [
    ["n", "sex=m", "sex=f", "sex=other"],
    [1, 1, 0, 0],
    [2, 0, 1, 0],
    [3, nan, nan, nan],
  ]);
  // Numbers are categories, too, and a name may have what stands before categories.
  assert.equal(await rowsOf("a=b\n10\n2\n", { categories: ["a=b"] }), [
    ["a=b=10", "a=b=2"],
    [1, 0],
    [0, 1],
  ]);
  await refused(
    text,
    /^the column "sex" has "f" in line 3, expected one of its categories, "m", "x"; correct it, or give the categories: --categories "sex=m\|x\|f"$/,
    { columns: ["sex"], categories: ["sex=m|x"] },
  );
  await refused("a,b\n,1\n", /^the column "a" of categories has none in any row; leave it out$/, {
    categories: ["a"],
  });
  for (const [categories, columns, message] of [
    [["y"], undefined, /^the table has no column "y"/],
    [["sex=m|m"], undefined, /^--categories "sex=m\|m": expected values that differ/],
    [["sex="], undefined, /expected values that differ, with \| between them/],
    [["sex,sex=m"], undefined, /^--categories sex: the column is named twice/],
    [
      ["sex"],
      ["n"],
      /^--categories sex: the column is not among those of the samples; name it in --columns, too$/,
    ],
  ] as const) {
    await rejected(read(text, { categories, ...(columns && { columns }) }), "invalid_argument", message);
  }
});

test("a table that follows another has its columns and categories, by name", async () => {
  const like = await read("id,sex,n\nx,m,1\ny,f,2\n", { idColumn: "id", categories: ["sex"] });
  assert.equal(await rowsOf("n,more,sex,id\n5,z,m,w\n", { idColumn: "id", like }), [
    ["sex=f", "sex=m", "n"],
    [0, 1, 5],
  ]);
  await refused("n,sex\n5,d\n", /expected one of its categories, "f", "m"; .*--categories "sex=f\|m\|d"$/, {
    like,
  });
  await rejected(read("n,id\n5,d\n", { like }), "invalid_argument", /^the table has no column "sex"/);
});

test("a column that is no number is refused, with what may be done", async () => {
  const rows = Array.from(
    { length: 50 },
    (_, i) => `${i},p${i},${"abc"[i % 3]},${i === 30 ? "1.2.3" : i},inf`,
  );
  const text = `n,name,kind,odd,far\n${rows.join("\n")}\n`;
  for (const [column, message] of [
    [
      "name",
      /^the column "name" has "p0" in line 2, expected a finite number; if it identifies the samples give --id-column name, else leave/,
    ],
    [
      "kind",
      /^the column "kind" has "a" in line 2, .*; it has 3 different texts: for categories give --categories kind, or leave/,
    ],
    [
      "odd",
      /^the column "odd" has "1\.2\.3" in line 32, .*; correct the cell, or empty it if the value is missing$/,
    ],
    ["far", /^the column "far" has "inf" in line 2, expected a finite number;/],
  ] as const) {
    await refused(text, message, { columns: [column] });
    await refused(text, /; name columns of numbers behind the file: FILE\.csv#a,b$/, {
      columns: [column],
      isOfSamples: false,
    });
  }
  await refused("a;b\n1,5;2\n", /has "1,5" in line 2, .*; for decimal commas give --decimal-comma$/);
  await refused("a;b\n1.234,5;2\n", /has "1\.234,5" in line 2/, { decimalComma: true });
  // A point alone may group digits.
  await refused("a;b\n1.234;2\n", /has "1\.234" in line 2/, { decimalComma: true });
  for (const cell of ["1e39", "Infinity", "-inf", "0x10", "1_000", "1 000", "5%", "1e", ".", "true"]) {
    await refused(`a,b\n${cell},1\n`, /^the column "a" has ".*" in line 2, expected a finite number/);
  }
});

test("numbers that float32 does not tell apart are refused, by column; rounding that does not matter is not", async () => {
  const column = (numbers: readonly number[]) => `t,x\n${numbers.map((t, i) => `${t},${i}`).join("\n")}\n`;
  const upTo = Array.from({ length: 20 }, (_, i) => i);
  await refused(
    column(upTo.map((i) => 1.7e9 + i)),
    /^the column "t" has numbers from 1700000000 to 1700000019, which float32 does not tell apart; subtract 1700000000, say, from each; if it identifies the samples give --id-column t$/,
  );
  await refused(column(upTo.map((i) => 1e6 + i / 100)), /"t" has numbers .* does not tell apart/);
  for (const numbers of [upTo.map((i) => 1e6 + i), upTo.map((i) => i / 10), upTo.map(() => 1700000001)])
    assert.is((await read(column(numbers))).rows, 20);
  assert.is((await read(column(upTo.map((i) => 1.7e9 + i)), { columns: ["x"] })).rows, 20);
});

test("columns of one name, or without one, are refused unless they are left out", async () => {
  await rejected(
    read("x,y,x\n1,2,3\n"),
    "invalid_argument",
    /^the table has 2 columns "x"; give them names of their own$/,
  );
  assert.equal(await rowsOf("x,y,x\n1,2,3\n", { columns: ["y"] }), [["y"], [2]]);
  const pandas = ",a\n0,5\n";
  await refused(
    pandas,
    /^column 1 has no name in the header, .*; if it numbers the rows, give --id-column 1, else/,
  );
  assert.equal(await rowsOf(pandas, { idColumn: "1" }), [["a"], [5]]);
  assert.equal(await rowsOf(pandas, { columns: ["1", "a"] }), [
    ["1", "a"],
    [0, 5],
  ]);
});

test("hostile and damaged files are refused", async () => {
  await refused(
    "a,b\n1,2\n\n3\n",
    /^line 4 has 1 cell, expected 2, as the first row has; put quotes around cells with "," in/,
  );
  await refused(
    "a\tb\n1\t2\t3\n",
    /^line 2 has 3 cells, expected 2, .* cells with a tab in them, or give another --delimiter$/,
  );
  await refused("a,b\n", /^the table has no rows besides its header; leave it out$/);
  await refused("\n\n", /^the table has no rows/);
  await refused(
    'a,b\n1,"2\n',
    /^the row in line 2 has a quote that is not closed until the file ends; is the file cut short/,
  );
  await refused(
    'a,b\n1,2"x"\n',
    /^the row in line 2 has a quote within a cell, expected quotes around whole cells;/,
  );
  await refused('a,b\n1,"2"x\n', /^the row in line 2 has a quote within a cell/);
  await refused("a,b\n1,\0\n", /^line 2 has a NUL byte, expected text in UTF-8; if it is UTF-16,/);
  await refused(Buffer.from("ä,b\n1,2\n", "latin1"), /^it is text in another encoding, expected UTF-8;/);
  const megabyte = '"'.repeat(2 ** 20);
  await refused(megabyte, /^the table has no rows besides its header/);
  await refused(`a\n${megabyte}"`, /^the row in line 2 has a quote that is not closed/);
  await refused(`a\n${megabyte}\n`, /^the column "a" has "\\"\\"/);
  await refused("a,b\n1,2\n3,4\n", /take 16 bytes, more than maxBytes, 15/, {}, 15);
  await refused(
    "a,b\nx,2\ny,4\n",
    /with one for each category, take 24 bytes, more than maxBytes, 20/,
    { categories: ["a"] },
    20,
  );
});

test("100,000 columns, and cells with names of objects", async () => {
  const names = Array.from({ length: 1e5 }, (_, i) => `c${i}`);
  const table = await read(`${names}\n${names.map((_, i) => i)}\n${names.map(() => "NA")}\n`);
  assert.is(table.rows, 2);
  assert.is(table.values[99_999], 99_999);
  assert.ok(table.values.subarray(1e5).every(Number.isNaN));
  assert.equal(
    await rowsOf("__proto__,constructor\ntoString,1\nvalueOf,2\n", { categories: ["__proto__"] }),
    [
      ["__proto__=toString", "__proto__=valueOf", "constructor"],
      [1, 0, 1],
      [0, 1, 2],
    ],
  );
});

test("a table longer than the pieces that are checked, with characters of several bytes across their ends", async () => {
  const note = "aé漢😀".repeat(2 ** 16);
  for (const shift of ["", "x", "xx", "xxx"]) {
    const text = `n,note\n${Array.from({ length: 8 }, (_, i) => `${i},${shift}${note}\n`).join("")}`;
    const table = await read(text, { columns: ["n"] });
    assert.is(table.rows, 8);
    const cut = Buffer.from(text).subarray(0, -3);
    await refused(cut, /another encoding/, { columns: ["n"] });
  }
});

test("rows longer than a piece, and a signal that stops", async () => {
  const rows = Array.from({ length: 20_000 }, (_, i) => `${i},"${"x".repeat(i % 50)}\n"`);
  const table = await read(`n,text\r\n${rows.join("\r\n")}`, { columns: ["n"] });
  assert.equal(
    table.values,
    Float32Array.from(rows, (_, i) => i),
  );
  const reason = new Error("stop");
  const signal = AbortSignal.abort(reason);
  const stopped = await readTable(Buffer.from("a\n1\n"), {}, { ...limits, signal }).catch((error) => error);
  assert.is(stopped, reason);
});

test.run();
