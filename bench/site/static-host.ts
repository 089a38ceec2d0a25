import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { gzipSync } from "node:zlib";

/** Types of files that GitHub Pages and other static hosts send gzipped. */
const COMPRESSED: Readonly<Record<string, string>> = {
  ".css": "text/css",
  ".html": "text/html",
  ".js": "text/javascript",
  ".json": "application/json",
  ".svg": "image/svg+xml",
};

/** Static host that counts what it sends. */
export interface StaticHost {
  readonly address: string;
  /** Bytes of all bodies, as they were sent. */
  bytes(): number;
  close(): void;
}

/** Serves a folder to this machine, gzipped where a static host would. */
export async function startStaticHost(folder: string): Promise<StaticHost> {
  let bytes = 0;
  const server = createServer(async ({ url = "/" }, response) => {
    const path = normalize(decodeURIComponent(new URL(url, "http://localhost").pathname));
    const file = join(folder, path.endsWith("/") ? `${path}index.html` : path);
    const type = COMPRESSED[extname(file)];
    response.setHeader("Content-Type", type ?? "application/octet-stream");
    try {
      const content = await readFile(file);
      if (type) response.setHeader("Content-Encoding", "gzip");
      const body = type ? gzipSync(content) : content;
      bytes += body.length;
      response.end(body);
    } catch {
      response.removeHeader("Content-Encoding");
      response.writeHead(404).end();
    }
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  return {
    address: `http://127.0.0.1:${port}`,
    bytes: () => bytes,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
