import workerSource from "worker-source";

// Starts the element's worker, whose text is part of the element's own file.

/** Reason of a worker that does not start: its text is here, so that only the page can have refused it. */
export const WORKER_REFUSED =
  "<latent-flow>: the page does not allow the element's worker. Its Content-Security-Policy has to allow worker-src blob: and script-src 'wasm-unsafe-eval', and trusted-types latent-flow if it has trusted-types.";

/** Trusted Types, which TypeScript's library for pages lacks: https://w3c.github.io/trusted-types/dist/spec/ */
interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { createScriptURL(url: string): string },
  ): { createScriptURL(url: string): string };
}

let policy: ReturnType<TrustedTypes["createPolicy"]> | undefined;

/** Starts the worker. @throws Error with WORKER_REFUSED if the page's policy forbids it at once; the worker fails later otherwise */
export function startWorker(): Worker {
  const url = URL.createObjectURL(new Blob([workerSource], { type: "text/javascript" }));
  try {
    const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes };
    // A name can be given once on a page.
    policy ??= trustedTypes?.createPolicy("latent-flow", { createScriptURL: (same) => same });
    return new Worker(policy?.createScriptURL(url) ?? url);
  } catch (cause) {
    throw new Error(WORKER_REFUSED, { cause });
  } finally {
    URL.revokeObjectURL(url);
  }
}
