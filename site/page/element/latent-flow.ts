import { fromImageData, toImageData } from "latentflow/images";
import { Engine, latestOnly } from "../engine/client.ts";
import type { Encoded, NetworkDescription } from "../engine/messages.ts";
import { messageOf } from "../message-of.ts";
import { findLayout, MOST_PIXELS } from "../picture-layout.ts";
import { arrowMove, type Place } from "../place.ts";
import { withoutSecrets, wordsWithoutSecrets } from "../shown-address.ts";
import { hidePart, type Sheet, stroke, type Tool } from "./brush.ts";
import { makeContent } from "./content.ts";
import { ATTRIBUTES, readSettings, type Settings } from "./settings.ts";
import { startWorker, WORKER_REFUSED } from "./start-worker.ts";
import { STYLES } from "./styles.ts";

// The element <latent-flow>: a picture to draw on and to hide parts of, beside the picture as completed by a decoder.

/** Canvas pixels per pixel of the picture, along each side, so that hatching looks fine. */
const SCALE = 10;

/** Detail of the element's event `change`. */
export interface LatentFlowChange {
  /** Code of the picture, latentSize numbers. */
  readonly z: Float32Array;
  /** Decoded picture D(z), outputSize numbers. */
  readonly x: Float32Array;
}

/** State of the element once its decoder is loaded. */
interface Opened {
  readonly settings: Settings;
  readonly engine: Engine;
  readonly decoder: NetworkDescription;
  /** Picture as initially given, to which Reset returns. */
  readonly original: Float32Array;
  readonly sheet: Sheet;
}

class LatentFlow extends HTMLElement {
  static readonly observedAttributes = ATTRIBUTES;

  readonly #root = this.attachShadow({ mode: "open" });
  #opened: Opened | undefined;
  #engine: Engine | undefined;
  /** Aborts the loading of files that is superseded by a change of attributes. */
  #opening = new AbortController();
  #tool: Tool = "draw";
  /** Last position of the pointer; undefined while it is not pressed. */
  #pen: Place | undefined;
  /** Position of the brush for drawing by keyboard. */
  #cursor: Place = { x: 0, y: 0 };
  #last: Encoded | undefined;

  readonly #encode = latestOnly(async ({ engine, sheet, settings }: Opened, signal: AbortSignal) => {
    const { y, weights } = sheet;
    const isQuick = this.#pen !== undefined;
    return engine.call(
      "encode",
      {
        y,
        weights,
        solver: settings.solver,
        ...(isQuick && settings.solver === "lbfgs" && { quick: true, z0: this.#last?.z }),
      },
      isQuick ? { signal } : {},
    );
  });

  constructor() {
    super();
    // Neither a <style> element nor innerHTML is used, since a Content-Security-Policy may forbid them.
    const styles = new CSSStyleSheet();
    styles.replaceSync(STYLES);
    this.#root.adoptedStyleSheets = [styles];
    this.#root.append(makeContent());
    const given = this.#canvas("given");
    given.addEventListener("pointerdown", (event) => this.#down(event));
    given.addEventListener("pointermove", (event) => this.#move(event));
    for (const end of ["pointerup", "pointercancel"]) given.addEventListener(end, () => this.#up());
    given.addEventListener("keydown", (event) => this.#press(event));
    for (const tool of ["draw", "hide"] as const)
      this.#button(tool).addEventListener("click", () => this.#take(tool));
    this.#button("reset").addEventListener("click", () => this.#reset());
  }

  connectedCallback(): void {
    this.#openSoon();
  }

  disconnectedCallback(): void {
    this.#opening.abort();
    this.#close();
  }

  attributeChangedCallback(): void {
    if (this.isConnected) this.#openSoon();
  }

  /** Loads the files that the attributes name; only once if several attributes change in one task. */
  #openSoon(): void {
    this.#opening.abort();
    const controller = new AbortController();
    this.#opening = controller;
    queueMicrotask(() => {
      if (!controller.signal.aborted) void this.#open(controller.signal);
    });
  }

  async #open(signal: AbortSignal): Promise<void> {
    this.#close();
    this.#say("Loading …");
    try {
      const settings = readSettings(this);
      const engine = this.#startEngine();
      const decoder = await engine.call("setDecoder", { source: settings.decoder }, { signal });
      const layout = findLayout(decoder);
      if (!layout) {
        throw new Error(
          `<latent-flow>: the decoder's samples are ${decoder.outputShape.join(" × ")} numbers, expected pictures.`,
        );
      }
      const original = settings.picture
        ? await readPicture(settings.picture, decoder)
        : new Float32Array(decoder.outputSize).fill(decoder.range[0]);
      if (signal.aborted) return;
      const sheet = { ...layout, y: original.slice(), weights: new Float32Array(original.length).fill(1) };
      this.#opened = { settings, engine, decoder, original, sheet };
      this.#cursor = { x: layout.width / 2, y: layout.height / 2 };
      this.#take(settings.brush);
      this.#reset();
    } catch (error) {
      if (!signal.aborted) this.#fail(error);
    }
  }

  #startEngine(): Engine {
    this.#engine = new Engine(startWorker(), WORKER_REFUSED);
    return this.#engine;
  }

  #close(): void {
    this.#engine?.close();
    this.#engine = undefined;
    this.#opened = undefined;
    this.#last = undefined;
    // If the element is removed while the pointer is pressed, no event reports its release.
    this.#pen = undefined;
  }

  #reset(): void {
    if (!this.#opened) return;
    const { original, sheet, settings } = this.#opened;
    sheet.y.set(original);
    sheet.weights.fill(1);
    hidePart(sheet, settings.hide);
    this.#last = undefined;
    void this.#complete();
  }

  /** Encodes the given picture, and draws it and the decoded picture. */
  async #complete(): Promise<void> {
    const opened = this.#opened;
    if (!opened) return;
    this.#draw("given", opened.sheet.y, opened.sheet.weights);
    const { settings, original, sheet } = opened;
    if (!settings.picture && sheet.y.every((value, i) => value === original[i])) {
      this.#draw("completed", original);
      this.#say("Draw on the left.");
      return;
    }
    if (!sheet.weights.includes(1)) {
      this.#say("All pixels are hidden. Press Reset to start again.");
      return;
    }
    try {
      const found = await this.#encode(opened);
      if (!found || opened !== this.#opened) return;
      this.#last = found;
      this.#draw("completed", found.x);
      const hidden =
        sheet.weights.reduce((sum, weight) => sum + (weight === 0 ? 1 : 0), 0) / sheet.weights.length;
      this.#say(
        `${Math.round(100 * hidden)} % of the picture is hidden; the loss of what is seen is ${found.loss.toPrecision(3)}.`,
      );
      const detail: LatentFlowChange = { z: found.z, x: found.x };
      this.dispatchEvent(new CustomEvent("change", { detail, bubbles: true, composed: true }));
    } catch (error) {
      if (opened === this.#opened) this.#fail(error);
    }
  }

  #draw(id: "given" | "completed", values: Float32Array, weights?: Float32Array): void {
    const { decoder } = this.#opened!;
    const { range } = decoder;
    const image = toImageData(values, decoder, { range, scale: SCALE, ...(weights && { weights }) });
    const canvas = this.#canvas(id);
    Object.assign(canvas, { width: image.width, height: image.height });
    canvas.getContext("2d")?.putImageData(image, 0, 0);
  }

  #take(tool: Tool): void {
    this.#tool = tool;
    for (const each of ["draw", "hide"] as const)
      this.#button(each).setAttribute("aria-pressed", `${each === tool}`);
    this.#showCursor();
  }

  #paint(from: Place, to: Place): void {
    if (!this.#opened) return;
    const { sheet, settings, decoder } = this.#opened;
    stroke(sheet, this.#tool, from, to, settings.brushSize * sheet.width, decoder.range);
    void this.#complete();
  }

  #placeOf({ clientX, clientY }: PointerEvent): Place {
    const { left, top, width, height } = this.#canvas("given").getBoundingClientRect();
    const { sheet } = this.#opened!;
    return {
      x: ((clientX - left) / width) * sheet.width,
      y: ((clientY - top) / height) * sheet.height,
    };
  }

  #down(event: PointerEvent): void {
    if (!this.#opened || event.button !== 0) return;
    this.#canvas("given").setPointerCapture(event.pointerId);
    this.#pen = this.#placeOf(event);
    this.#paint(this.#pen, this.#pen);
  }

  #move(event: PointerEvent): void {
    if (!this.#pen || !this.#opened) return;
    const to = this.#placeOf(event);
    this.#paint(this.#pen, to);
    this.#pen = to;
  }

  #up(): void {
    if (!this.#pen) return;
    this.#pen = undefined;
    void this.#complete();
  }

  #press(event: KeyboardEvent): void {
    if (!this.#opened) return;
    const { width, height } = this.#opened.sheet;
    const from = this.#cursor;
    const to = arrowMove(event.key, from, width, height);
    if (to) {
      this.#cursor = to;
      this.#showCursor();
      if (event.shiftKey) this.#paint(from, to);
    } else if (event.key === " " || event.key === "Enter") {
      this.#paint(from, from);
    } else {
      return;
    }
    event.preventDefault();
  }

  #showCursor(): void {
    if (!this.#opened) return;
    const { sheet, settings } = this.#opened;
    const cursor = this.#root.querySelector<HTMLElement>(".cursor")!;
    Object.assign(cursor.style, {
      left: `${(100 * this.#cursor.x) / sheet.width}%`,
      top: `${(100 * this.#cursor.y) / sheet.height}%`,
      width: `${100 * settings.brushSize}%`,
      aspectRatio: "1",
    });
  }

  #say(text: string): void {
    const state = this.#root.getElementById("state")!;
    state.textContent = text;
    state.classList.remove("failed");
  }

  #fail(cause: unknown): void {
    const message = messageOf(cause);
    this.#say(message);
    this.#root.getElementById("state")!.classList.add("failed");
    this.dispatchEvent(new ErrorEvent("error", { message, error: cause }));
  }

  #canvas(id: "given" | "completed"): HTMLCanvasElement {
    return this.#root.getElementById(id) as HTMLCanvasElement;
  }

  #button(id: Tool | "reset"): HTMLButtonElement {
    return this.#root.getElementById(id) as HTMLButtonElement;
  }
}

/**
 * Fetches a picture, and converts it to a sample of the decoder's size.
 *
 * @throws Error if it cannot be fetched or decoded, or is too large
 */
async function readPicture(url: string, decoder: NetworkDescription): Promise<Float32Array> {
  const at = `<latent-flow>: picture ${withoutSecrets(url)}`;
  const blob = await fetch(url)
    .then((response) =>
      response.ok ? response.blob() : Promise.reject(new Error(`it answers ${response.status}`)),
    )
    .catch((cause: Error) => {
      throw new Error(
        `${at} could not be loaded: ${wordsWithoutSecrets(cause.message, url)}. A server of another address has to send Access-Control-Allow-Origin.`,
      );
    });
  const bitmap = await createImageBitmap(blob).catch(() => {
    throw new Error(`${at} cannot be read, expected PNG, JPEG or another format of the browser.`);
  });
  const { width, height } = bitmap;
  if (width * height > MOST_PIXELS) {
    bitmap.close();
    throw new Error(
      `${at} has ${width} × ${height} pixels, expected at most ${MOST_PIXELS}. Make it smaller.`,
    );
  }
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  canvas.getContext("2d")!.drawImage(bitmap, 0, 0);
  bitmap.close();
  return fromImageData(canvas, decoder, { fit: "cover", range: decoder.range });
}

if (!customElements.get("latent-flow")) customElements.define("latent-flow", LatentFlow);
