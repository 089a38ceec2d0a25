import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";

const TYPES: Record<string, string> = {
  ".css": "text/css",
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

/** Headers by which a page is cross-origin isolated, so that threads may share memory. */
export const ISOLATING = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
} as const;

/** A server of files on this machine alone. */
export interface FileServer {
  /** Where it is, without a slash at the end. */
  readonly address: string;
  /** Paths that have been asked for, in order. */
  readonly requested: readonly string[];
  close(): void;
}

/**
 * Serves the files of a folder, as any static host would.
 *
 * @param contentSecurityPolicy sent with every file; undefined for none
 * @param headers that are sent with every file, too
 * @param isMissing true for paths that are answered with 404 although the folder has their files; a path is answered once its
 *   promise has settled
 */
export async function serve(
  folder: string,
  contentSecurityPolicy: string | undefined,
  headers: Readonly<Record<string, string>> = {},
  isMissing: (path: string) => boolean | Promise<boolean> = () => false,
): Promise<FileServer> {
  const requested: string[] = [];
  const server = createServer(async ({ url = "/" }, response) => {
    requested.push(url);
    // Made absolute before it is joined, so that no ".." leads out of the folder.
    const path = normalize(decodeURIComponent(new URL(url, "http://localhost").pathname));
    const file = join(folder, path.endsWith("/") ? `${path}index.html` : path);
    if (contentSecurityPolicy) response.setHeader("Content-Security-Policy", contentSecurityPolicy);
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    response.setHeader("Content-Type", TYPES[extname(file)] ?? "application/octet-stream");
    try {
      if (await isMissing(path)) throw new Error("missing");
      response.end(await readFile(file));
    } catch {
      response.writeHead(404).end();
    }
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  return {
    address: `http://127.0.0.1:${port}`,
    requested,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
