import { test } from "uvu";
import * as assert from "uvu/assert";
import { nameFrom, systemPath } from "../../../src/cli/input/file-names.ts";

test("every name of bytes is a string and the same bytes again, alone and in a path", () => {
  const odd = Array.from({ length: 128 }, (_, i) => Buffer.of(0x61, 0x80 + i, 0x7f));
  for (const bytes of [...odd, Buffer.of(0xc3, 0xa9, 0xff, 0x80), Buffer.of(0xed, 0xb2, 0x80)]) {
    const name = nameFrom(bytes);
    assert.match(name, /[\udc80-\udcff]/u);
    assert.equal(systemPath(`é/${name}.png`), Buffer.concat([Buffer.from("é/"), bytes, Buffer.from(".png")]));
  }
  for (const name of ["digits.png", "é", "\u{1f600}", "\ufffd"]) {
    assert.is(nameFrom(Buffer.from(name)), name);
    assert.is(systemPath(name), name);
  }
});

test.run();
