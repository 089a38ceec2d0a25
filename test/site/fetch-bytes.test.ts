// Tests site/typeface-page/engine/fetch-bytes.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { fetchBytes } from "../../site/typeface-page/engine/fetch-bytes.ts";
import type { Loaded } from "../../site/typeface-page/engine/messages.ts";

const { fetch } = globalThis;
test.after.each(() => {
  globalThis.fetch = fetch;
});

/** Fetches from a server that answers with such headers and chunks. */
async function fetchFrom(chunks: readonly number[][], headers: Record<string, string>, status = 200) {
  const reports: Loaded[] = [];
  const { signal } = new AbortController();
  globalThis.fetch = async (_, options) => {
    assert.is(options?.signal, signal, "an abort ends the request");
    const stream = new ReadableStream({
      start(controller) {
        for (const chunk of chunks) controller.enqueue(Uint8Array.from(chunk));
        controller.close();
      },
    });
    return new Response(stream, { status, headers });
  };
  return { bytes: await fetchBytes("file.bin", signal, (loaded) => reports.push(loaded)), reports };
}

test("chunks are joined, and reported with the length that the server says", async () => {
  const { bytes, reports } = await fetchFrom([[1, 2], [], [3]], { "content-length": "3" });
  assert.equal([...bytes], [1, 2, 3]);
  assert.equal(
    reports.filter(({ bytes }, i) => bytes !== reports[i - 1]?.bytes),
    [
      { bytes: 2, total: 3 },
      { bytes: 3, total: 3 },
    ],
  );
});

test("the length of a compressed answer is not that of its bytes", async () => {
  const headers = { "content-length": "2", "content-encoding": "gzip" };
  assert.equal((await fetchFrom([[1, 2, 3]], headers)).reports, [{ bytes: 3, total: undefined }]);
  assert.equal((await fetchFrom([[1]], {})).reports, [{ bytes: 1, total: undefined }]);
});

test("a failure is told with the file and what to do", async () => {
  const failure = await fetchFrom([], {}, 404).catch((error: Error) => error.message);
  assert.is(failure, "file.bin answers 404, expected the file. Reload the page.");
});

test.run();
