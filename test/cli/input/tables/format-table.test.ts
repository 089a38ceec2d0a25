// Tests src/cli/input/tables/format-table.ts, src/cli/input/tables/table.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createRandom, type Random } from "../../../../src/base/random.ts";
import { MISSING } from "../../../../src/cli/input/tables/cells.ts";
import { formatTable } from "../../../../src/cli/input/tables/format-table.ts";
import { readTable } from "../../../../src/cli/input/tables/read-table.ts";
import type { TableReading } from "../../../../src/cli/input/tables/table-flags.ts";
import { LatentflowError } from "../../../../src/index.ts";

// Completed tables: all that is seen as it was, byte by byte, and numbers and categories in place of what is missing.

const limits = { maxBytes: 2 ** 30, signal: undefined };

function read(text: string, reading: TableReading = {}) {
  return readTable(Buffer.from(text), { ...reading, keepsText: true }, limits);
}

/** Fills a table with the values that `fill` returns for the indices of the missing ones. */
async function completed(
  text: string,
  fill: (index: number) => number,
  reading?: TableReading,
  rows?: number,
) {
  const table = await read(text, reading);
  const values = table.values.map((value, i) => (Number.isNaN(value) ? fill(i) : 12345));
  const count = rows === undefined ? values.length : (rows * values.length) / table.rows;
  return Buffer.concat([...formatTable(table, values.subarray(0, count))]).toString();
}

test("missing cells are filled, and the rest stays as it is", async () => {
  for (const [text, expected, idColumn] of [
    ["a,b\n1.50,NA\n,+2\n", "a,b\n1.50,0.1\n0.1,+2\n"],
    ['\ufeffid;a;"b"\r\n\r\n"p;1"; NA ;"?"\r\n', '\ufeffid;a;"b"\r\n\r\n"p;1"; 0.1 ;"0.1"\r\n', "id"],
    ["a\tb\r\t2\r\r1\t\r\r", "a\tb\r0.1\t2\r\r1\t0.1\r\r"],
    ["1,2\nnan,3", "1,2\n0.1,3"],
    ['a,"t\n"",""x"\n ,"y\n,"', 'a,"t\n"",""x"\n0.1,"y\n,"', 't\n","x'],
  ] as const) {
    const reading = idColumn === undefined ? {} : { idColumn };
    assert.is(await completed(text, () => 0.1, reading), expected, JSON.stringify(text));
  }
});

test("numbers in the fewest digits of float32, with the table's decimal comma", async () => {
  const numbers = [0.1, 1 / 3, -1e-7, 16777216, 3.4028234663852886e38, 1e-45, -0, 2, 123456.79];
  const text = `a;b\n${numbers.map(() => "1;NA").join("\n")}\n`;
  const filled = await completed(text, (i) => numbers[(i - 1) / 2]!);
  const cells = filled
    .split("\n")
    .slice(1, -1)
    .map((line) => line.split(";")[1]!);
  assert.equal(cells.slice(0, 4), ["0.1", "0.33333334", "-1e-7", "16777216"]);
  assert.equal(
    Float32Array.from(cells, Number),
    Float32Array.from(numbers).map((value) => value + 0),
  );
  assert.is(await completed("a;b\n1,5;\n", () => 2.5, { decimalComma: true }), "a;b\n1,5;2,5\n");
  assert.is(await completed('a,b\n"1,5",\n', () => 2.5, { decimalComma: true }), 'a,b\n"1,5","2,5"\n');
});

test("the most probable category, quoted where it must be", async () => {
  const text = 'n,kind\n1,"a,b"\n2,c\n3,\n4,"NA"\n,c\n';
  const reading = { categories: ["kind"] };
  // Values 3 × row + 1 and + 2 are those of "a,b" and c.
  assert.is(
    await completed(text, (i) => (i === 7 ? 0.9 : i === 8 ? 0.2 : i / 100), reading),
    'n,kind\n1,"a,b"\n2,c\n3,"a,b"\n4,"c"\n0.12,c\n',
  );
});

test("a category that begins or ends with a space is in quotes, without which it would be another", async () => {
  const text = 'n,kind\n1," a"\n2,\n3,"a "\n4,\n';
  const filled = await completed(text, (i) => (i === 4 || i === 11 ? 1 : 0), { categories: ["kind"] });
  assert.is(filled, 'n,kind\n1," a"\n2," a"\n3,"a "\n4,"a "\n');
});

test("the first rows alone; values that are not finite leave the cell", async () => {
  const text = "a\nNA\n2\n\nNA\n\n";
  assert.is(await completed(text, () => 7, {}, 2), "a\n7\n2\n");
  assert.is(await completed(text, () => 7), "a\n7\n2\n\n7\n\n");
  assert.is(await completed(text, () => Number.POSITIVE_INFINITY), text);
});

test("a table that was read without its text is refused", async () => {
  const table = await readTable(Buffer.from("a\n1\n"), {}, limits);
  assert.throws(() => [...formatTable(table, table.values)], /without its text/);
});

/** Draws a table of numbers, categories and texts, in one of the forms in which they are written. */
function drawTable(random: Random) {
  const pick = <T>(items: readonly T[]) => items[random.below(items.length)]!;
  const [delimiter, end] = [pick([",", ";", "\t"]), pick(["\n", "\r\n", "\r"])];
  const quote = (text: string) =>
    /[,;\t"\r\n]/.test(text) || random.below(4) === 0 ? `"${text.replaceAll('"', '""')}"` : text;
  const space = () => (random.below(8) === 0 ? " " : "");
  const numberOf = () => `${pick(["", "+", "-"])}${random.below(1000)}${pick(["", ".", ".25", "e2", "E-3"])}`;
  const kinds = Array.from({ length: 1 + random.below(4) }, () =>
    pick(["number", "category", "text"] as const),
  );
  kinds.push("number");
  const draw = {
    number: () => (random.below(3) === 0 ? pick(["", ...MISSING]) : numberOf()),
    category: () => pick(["red", "a,b", 'x"y', "line\nend", "ü", "NA", ""]),
    text: () => pick(["", "1", "p,q", ";", "\t", '"', "a\r\nb"]),
  };
  const names = kinds.map((kind, i) => `${kind} ${i}`);
  const rows = Array.from({ length: 2 + random.below(6) }, () => kinds.map((kind) => draw[kind]()));
  // Each category comes once, so that the column has some.
  rows.push(kinds.map((kind) => (kind === "category" ? "red" : "5")));
  const lines = [names, ...rows].map((row) =>
    row
      .map((cell) => space() + quote(cell) + space())
      .join(delimiter)
      .concat(pick(["", "", end])),
  );
  const columnsOf = (...of: string[]) => names.filter((_, i) => of.includes(kinds[i]!));
  const categories = columnsOf("category");
  return {
    text: pick(["", "\ufeff"]) + lines.join(end) + pick(["", end]),
    reading: {
      delimiter,
      columns: columnsOf("number", "category"),
      ...(categories.length > 0 && { categories }),
    },
  };
}

test("property: written and read again, seen values are the same bits, and filled ones those given", async () => {
  for (let seed = 0; seed < 200; seed++) {
    const random = createRandom(seed);
    const { text, reading } = drawTable(random);
    const note = `seed ${seed}: ${JSON.stringify(text)}`;
    const table = await read(text, reading);
    const nothing = Buffer.concat([
      ...formatTable(table, new Float32Array(table.values.length).fill(Number.NaN)),
    ]);
    assert.is(nothing.toString(), text, note);
    const values = table.values.map(() => Math.fround(random.uniform() * 10 ** (random.below(60) - 30)));
    const whole = Buffer.concat([...formatTable(table, values)]).toString();
    const again = await read(whole, { ...reading, like: table });
    assert.not.ok(again.values.some(Number.isNaN), note);
    let at = 0;
    for (let row = 0; row < table.rows; row++) {
      for (const { categories } of table.columns) {
        const width = categories?.length ?? 1;
        const [was, given, is] = [table.values, values, again.values].map((all) =>
          all.slice(at, at + width),
        ) as [Float32Array, Float32Array, Float32Array];
        const most = given.indexOf(Math.max(...given));
        const filled = categories ? given.map((_, i) => (i === most ? 1 : 0)) : given;
        assert.equal(is, Number.isNaN(was[0]) ? filled : was, note);
        at += width;
      }
    }
    const unchanged = Buffer.concat([
      ...formatTable(again, new Float32Array(again.values.length)),
    ]).toString();
    assert.is(unchanged, whole, note);
  }
});

test("property: any text is a table that is written as it was, or refused", async () => {
  let tables = 0;
  for (let seed = 0; seed < 1000; seed++) {
    const random = createRandom(seed);
    const pieces = ['"', '""', "\n", "\r\n", "\r", ",", ";", " ", "1", "2.5", "NA", "x", "é", "漢"];
    const draw = () =>
      Array.from({ length: random.below(3) }, () => pieces[random.below(pieces.length)]).join("");
    const quoted = () => (random.below(3) === 0 ? `"${draw()}"` : draw());
    const lines = Array.from({ length: 1 + random.below(3) }, () => `${random.below(9)},${quoted()}`);
    const text = [random.below(2) === 0 ? "a,b" : `a,${quoted()}`, ...lines].join(
      random.below(2) === 0 ? "\n" : "\r\n",
    );
    const table = await read(text).catch((error) => {
      assert.instance(error, LatentflowError, JSON.stringify(text));
    });
    if (!table) continue;
    tables++;
    const nothing = new Float32Array(table.values.length).fill(Number.NaN);
    assert.is(Buffer.concat([...formatTable(table, nothing)]).toString(), text);
    const all = Buffer.concat([...formatTable(table, nothing.fill(7))]).toString();
    const again = await read(all, { like: table });
    assert.equal(
      again.values,
      table.values.map((value) => (Number.isNaN(value) ? 7 : value)),
      JSON.stringify(text),
    );
  }
  assert.ok(tables > 100, `${tables}`);
});

test.run();
