import type { Loaded } from "./messages.ts";

/**
 * Fetches a file, and reports what has arrived.
 *
 * @throws Error if the server cannot be reached or answers with a failure
 */
export async function fetchBytes(
  url: string,
  signal: AbortSignal,
  report: (loaded: Loaded) => void,
): Promise<Uint8Array> {
  const response = await fetch(url, { signal });
  if (!response.ok || !response.body) {
    throw new Error(`${url} answers ${response.status}, expected the file. Reload the page.`);
  }
  const length = Number(response.headers.get("content-length"));
  // Of a compressed answer the length is another one than that of the bytes that are read.
  const total = length > 0 && !response.headers.has("content-encoding") ? length : undefined;
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for (const reader = response.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    chunks.push(value);
    bytes += value.length;
    report({ bytes, total });
  }
  const file = new Uint8Array(bytes);
  let at = 0;
  for (const chunk of chunks) {
    file.set(chunk, at);
    at += chunk.length;
  }
  return file;
}
