import type { LossName } from "latentflow";
import { computed, type ShallowRef, shallowRef } from "vue";
import type { Engine } from "../engine/client.ts";
import type { NetworkDescription } from "../engine/messages.ts";
import { messageOf } from "../message-of.ts";
import type { Codes, FileCalls, Progress, Samples } from "./messages.ts";
import { sortFiles } from "./sort-files.ts";

/** What is open: nothing, a decoder, its samples too, their codes too. A file's name is there before what is read from it. */
export interface Opened {
  readonly decoderFile?: File;
  readonly decoder?: NetworkDescription;
  readonly samplesName?: string;
  readonly samples?: Samples;
  readonly codes?: Codes;
}

/** What is under way. */
interface Task {
  readonly name: string;
  readonly progress?: Progress;
  readonly controller: AbortController;
}

/**
 * Opens a visitor's files one after the other, and encodes them. A new task ends the one under way.
 *
 * @param startEngine starts the worker that reads the files
 */
export function useFiles(startEngine: () => Pick<Engine<FileCalls>, "call" | "close" | "onFailure">) {
  const opened: ShallowRef<Opened> = shallowRef({});
  const task = shallowRef<Task>();
  const problem = shallowRef("");
  const engine = startEngine();
  engine.onFailure = fail;

  function fail(error: unknown): void {
    problem.value = messageOf(error);
  }

  /** Opens `first` at once, and what `work` returns once it is there; a failure leaves `first`. */
  async function run(
    name: string,
    first: Opened,
    work: (engine: Pick<Engine<FileCalls>, "call">, signal: AbortSignal) => Promise<Opened>,
  ): Promise<void> {
    task.value?.controller.abort();
    const controller = new AbortController();
    const { signal } = controller;
    task.value = { name, controller };
    problem.value = "";
    opened.value = first;
    try {
      const last = await work(engine, signal);
      if (!signal.aborted) opened.value = last;
    } catch (error) {
      if (!signal.aborted) fail(error);
    } finally {
      if (task.value?.controller === controller) task.value = undefined;
    }
  }

  function openDecoder(file: File): Promise<void> {
    const first = { decoderFile: file };
    return run(`Reading ${file.name} …`, first, async (engine, signal) => {
      return { ...first, decoder: await engine.call("readDecoder", { file }, { signal }) };
    });
  }

  async function openSamples(file: File): Promise<void> {
    const { decoderFile, decoder } = opened.value;
    if (!decoderFile || !decoder) {
      problem.value ||= `${file.name} is read by the size of a decoder's samples. Choose a decoder first.`;
      return;
    }
    const first = { decoderFile, decoder, samplesName: file.name };
    await run(`Reading ${file.name} …`, first, async (engine, signal) => {
      return { ...first, samples: await engine.call("readSamples", { file }, { signal }) };
    });
  }

  /** Opens a decoder, or samples, or both, and names the files that it leaves. */
  async function openAll(files: readonly File[]): Promise<void> {
    const { decoder, samples, rest } = sortFiles(files);
    if (decoder) await openDecoder(decoder);
    if (samples) await openSamples(samples);
    if (rest.length > 0) {
      const names = rest.map(({ name }) => name).join(", ");
      const ignored = `Ignored: ${names}. One decoder and one picture or array are open at a time.`;
      problem.value = [problem.value, ignored].filter(Boolean).join(" ");
    }
  }

  /** Encodes the samples. */
  function encode(loss: LossName | undefined): Promise<void> {
    const { codes: _, ...first } = opened.value;
    return run("Encoding …", first, async (engine, signal) => {
      const onProgress = (progress: Progress) => {
        if (task.value && !signal.aborted) task.value = { ...task.value, progress };
      };
      return { ...first, codes: await engine.call("encode", { loss }, { signal, onProgress }) };
    });
  }

  return {
    opened: computed(() => opened.value),
    task: computed(() => task.value),
    /** Message about the last failure; empty if there was none. */
    problem,
    ...{ openDecoder, openSamples, openAll, encode, fail },
    cancel: () => task.value?.controller.abort(),
    close: () => engine.close(),
  };
}
