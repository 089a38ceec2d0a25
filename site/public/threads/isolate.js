// Makes pages cross-origin isolated on a host that sends no headers of one's own: <script src="isolate.js"></script> in the
// page's head. The script starts itself as a service worker, and loads the page again, once; as the service worker it adds the
// headers to what this origin sends. It serves the pages and workers of its own folder, and the folders below.
(() => {
  /** "credentialless" loads files of other origins without their permission and without cookies; Safari lacks it. */
  const EMBEDDER_POLICY = "require-corp";
  const RELOADED = "isolate.js";

  if (globalThis.document) {
    isolatePage(document.currentScript.src).catch(({ message }) => {
      console.warn(`isolate.js: ${message}`);
      dispatchEvent(new CustomEvent("isolationfailed", { detail: message }));
    });
  } else {
    addEventListener("install", () => skipWaiting());
    addEventListener("fetch", (event) => {
      const { url, cache } = event.request;
      // The browser itself fetches what other origins send, by the page's policy.
      if (new URL(url).origin === origin && cache !== "only-if-cached")
        event.respondWith(answer(event.request));
    });
  }

  async function isolatePage(script) {
    if (!isSecureContext) throw new Error("the page has come by http:, expected https: or localhost");
    if (!navigator.serviceWorker)
      throw new Error("this window has no service workers; a private one may lack them");
    // Kept for the next load alone: a page that is not isolated then is not loaded again.
    const wasReloaded = sessionStorage.getItem(RELOADED) !== null;
    sessionStorage.removeItem(RELOADED);
    if (crossOriginIsolated) return;
    if (wasReloaded)
      throw new Error("the headers have no effect; open the page in a tab of its own, not in a frame");
    const { scope } = await navigator.serviceWorker.register(script);
    if (!location.href.startsWith(scope))
      throw new Error(`isolate.js serves ${scope} alone; move it above the page`);
    await navigator.serviceWorker.ready;
    sessionStorage.setItem(RELOADED, "");
    location.reload();
  }

  async function answer(request) {
    const response = await fetch(request);
    // Redirects and responses of other origins can only be passed on.
    if (response.type !== "basic") return response;
    const { body, status, statusText } = response;
    const headers = new Headers(response.headers);
    headers.set("Cross-Origin-Opener-Policy", "same-origin");
    headers.set("Cross-Origin-Embedder-Policy", EMBEDDER_POLICY);
    return new Response(body, { status, statusText, headers });
  }
})();
