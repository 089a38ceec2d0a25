import type { Loaded } from "./messages.ts";

/**
 * Fetches a file, and reports how much has been received.
 *
 * @throws Error if the server cannot be reached, or responds with an error
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
  // For a compressed response, the content length is not the number of bytes read.
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
