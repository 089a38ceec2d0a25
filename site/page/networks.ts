import { withBase } from "vitepress";
import { ref, shallowRef } from "vue";
import { guestName } from "./address.ts";
import { type Engine, startEngine } from "./engine/client.ts";
import type { NetworkDescription, NetworkName, ReplyOf } from "./engine/messages.ts";

/** URL of a file that scripts/make-page-models.ts has made. */
export const fileOf = (name: string) => new URL(withBase(`/page/${name}`), location.href).href;

/** Files of what the first picture needs. */
interface FirstFiles {
  readonly decoder: NetworkDescription;
  readonly digits: ReplyOf<"readSamples">;
}

/** The page's worker, and what it has loaded. It starts with `prepare`, in a browser. */
export function createNetworks() {
  /** The decoder that is inverted; undefined until it has been loaded. */
  const description = shallowRef<NetworkDescription>();
  /** Name of the decoder in place of the page's own; undefined for that. */
  const guest = ref<string>();
  let worker: Engine | undefined;
  let first: Promise<FirstFiles> | undefined;
  let encoders: Promise<unknown> | undefined;
  /** The last replacement of the decoder; the next one waits for it, so that the one asked for last stays. */
  let replacement: Promise<unknown> = Promise.resolve();

  /** The worker; throws where it has not been started. */
  function engine(): Engine {
    if (!worker) throw new Error("The page's worker has not been started.");
    return worker;
  }

  const load = (name: NetworkName, file: string) =>
    engine().call("load", { name, source: fileOf(`${file}.safetensors`) });

  async function loadFirst(): Promise<FirstFiles> {
    const files = { source: fileOf("digits.idx.gz"), labels: fileOf("digit-labels.idx") };
    const [decoder, digits] = await Promise.all([
      load("plainDecoder", "plain-decoder"),
      engine().call("readSamples", files),
    ]);
    return { decoder, digits };
  }

  return {
    ...{ description, guest, engine },
    /** Starts the worker, and loads the decoder and the digits: as soon as there is a browser, before the page is alive. */
    prepare(): Promise<FirstFiles> {
      worker ??= startEngine();
      first ??= loadFirst();
      return first;
    },
    /** Loads the encoders, once; rejects where one cannot be loaded. */
    prepareEncoders(): Promise<unknown> {
      encoders ??= Promise.all([
        load("plainEncoder", "plain-encoder"),
        load("maskedDecoder", "masked-decoder"),
        load("maskedEncoder", "masked-encoder"),
      ]);
      return encoders;
    },
    /** Inverts another decoder of 28 × 28 pixels from now on; without one the page's own again. */
    replaceDecoder(source?: Uint8Array, name?: string): Promise<void> {
      const replace = async () => {
        description.value = await engine().call("setDecoder", { source });
        guest.value = name && guestName(name);
      };
      const replaced = replacement.then(replace, replace);
      replacement = replaced;
      return replaced;
    },
    close(): void {
      worker?.close();
      worker = undefined;
    },
  };
}
