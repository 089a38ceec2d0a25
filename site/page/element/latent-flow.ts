import { fromImageData, toImageData } from "latentflow/images";
import workerSource from "worker-source";
import { Engine, latestOnly } from "../engine/client.ts";
import type { Encoded, NetworkDescription } from "../engine/messages.ts";
import { pictureShape } from "../picture-shape.ts";
import { hidePart, type Place, type Sheet, stroke, type Tool } from "./brush.ts";
import { ATTRIBUTES, readSettings, type Settings } from "./settings.ts";
import { MARKUP, STYLES } from "./styles.ts";

// The element <latent-flow>: a picture to draw on and to hide parts of, and what a decoder makes of the rest.

/** Pixels of a canvas for each of the picture's, so that hatching is fine beside them. */
const SCALE = 10;

/** Detail of the event `change`. */
export interface LatentFlowChange {
  /** Code that was found, latentSize numbers. */
  readonly z: Float32Array;
  /** D(z), outputSize numbers. */
  readonly x: Float32Array;
}

/** What there is once the decoder has been loaded. */
interface Opened {
  readonly settings: Settings;
  readonly engine: Engine;
  readonly decoder: NetworkDescription;
  /** Picture as it was at first. */
  readonly original: Float32Array;
  readonly sheet: Sheet;
}

const MOVES: Readonly<Record<string, Place>> = {
  ArrowLeft: { across: -1, down: 0 },
  ArrowRight: { across: 1, down: 0 },
  ArrowUp: { across: 0, down: -1 },
  ArrowDown: { across: 0, down: 1 },
};

class LatentFlow extends HTMLElement {
  static readonly observedAttributes = ATTRIBUTES;

  readonly #root = this.attachShadow({ mode: "open" });
  #opened: Opened | undefined;
  #engine: Engine | undefined;
  /** Ends an opening that other attributes have overtaken. */
  #opening = new AbortController();
  #tool: Tool = "draw";
  /** Where the pen was last; undefined while it is up. */
  #pen: Place | undefined;
  /** Brush of the arrow keys. */
  #cursor: Place = { across: 0, down: 0 };
  #last: Encoded | undefined;

  readonly #encode = latestOnly(async ({ engine, sheet, settings }: Opened, signal: AbortSignal) => {
    const { y, weights } = sheet;
    const isQuick = this.#pen !== undefined;
    return engine.call(
      "encode",
      {
        ...{ y, weights, solver: settings.solver },
        ...(isQuick && settings.solver === "lbfgs" && { quick: true, z0: this.#last?.z }),
      },
      isQuick ? { signal } : {},
    );
  });

  constructor() {
    super();
    // Not a <style>, which a Content-Security-Policy may forbid.
    const styles = new CSSStyleSheet();
    styles.replaceSync(STYLES);
    this.#root.adoptedStyleSheets = [styles];
    this.#root.innerHTML = MARKUP;
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

  /** Opens what the attributes say, once however many of them change together. */
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
      const shape = pictureShape(decoder.outputShape, decoder.outputLayout);
      if (!shape) {
        throw new Error(
          `<latent-flow>: the decoder's samples are ${decoder.outputShape.join(" × ")} numbers, expected pictures.`,
        );
      }
      const original = settings.picture
        ? await readPicture(settings.picture, decoder)
        : new Float32Array(decoder.outputSize).fill(decoder.range[0]);
      if (signal.aborted) return;
      const sheet = { ...shape, y: original.slice(), weights: new Float32Array(original.length).fill(1) };
      this.#opened = { settings, engine, decoder, original, sheet };
      this.#cursor = { across: shape.width / 2, down: shape.height / 2 };
      this.#take(settings.brush);
      this.#reset();
    } catch (error) {
      if (!signal.aborted) this.#fail(error);
    }
  }

  #startEngine(): Engine {
    const url = URL.createObjectURL(new Blob([workerSource], { type: "text/javascript" }));
    this.#engine = new Engine(new Worker(url));
    URL.revokeObjectURL(url);
    return this.#engine;
  }

  #close(): void {
    this.#engine?.close();
    this.#engine = undefined;
    this.#opened = undefined;
    this.#last = undefined;
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

  /** Draws what is given, and the picture of the code that is found for it. */
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
      this.#say("Everything is hidden: nothing tells what to draw.");
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
        `${Math.round(100 * hidden)} % are hidden, the loss of the rest is ${found.loss.toPrecision(3)}.`,
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
      across: ((clientX - left) / width) * sheet.width,
      down: ((clientY - top) / height) * sheet.height,
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
    const move = MOVES[event.key];
    if (move) {
      const within = (value: number, most: number) => Math.min(most - 0.5, Math.max(0.5, value));
      this.#cursor = {
        across: within(from.across + move.across, width),
        down: within(from.down + move.down, height),
      };
      this.#showCursor();
      if (event.shiftKey) this.#paint(from, this.#cursor);
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
      left: `${(100 * this.#cursor.across) / sheet.width}%`,
      top: `${(100 * this.#cursor.down) / sheet.height}%`,
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
    const message = cause instanceof Error ? cause.message : String(cause);
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

/** Reads a picture from a server, scaled to the decoder's samples. */
async function readPicture(url: string, decoder: NetworkDescription): Promise<Float32Array> {
  const blob = await fetch(url)
    .then((response) =>
      response.ok ? response.blob() : Promise.reject(new Error(`it answers ${response.status}`)),
    )
    .catch((cause: Error) => {
      throw new Error(
        `<latent-flow>: picture ${url} could not be loaded: ${cause.message}. A server of another address has to send Access-Control-Allow-Origin.`,
      );
    });
  const bitmap = await createImageBitmap(blob).catch(() => {
    throw new Error(
      `<latent-flow>: picture ${url} is no picture that the browser reads, expected PNG or JPEG.`,
    );
  });
  const canvas = Object.assign(document.createElement("canvas"), {
    width: bitmap.width,
    height: bitmap.height,
  });
  canvas.getContext("2d")!.drawImage(bitmap, 0, 0);
  bitmap.close();
  return fromImageData(canvas, decoder, { fit: "cover", range: decoder.range });
}

if (!customElements.get("latent-flow")) customElements.define("latent-flow", LatentFlow);
