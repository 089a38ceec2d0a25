import { LatentflowError } from "../../base/errors.ts";
import { Interruption } from "./interruption.ts";
import type { Gpu, GpuAdapter, GpuAdapterInfo, GpuDevice, OnnxRuntime } from "./platform.ts";
import { importRuntime } from "./runtime.ts";

/** The work could not be done because the device was lost: destroyed, or its process ended. */
class DeviceLost extends Error {
  override readonly name = "DeviceLost";
}

/** A device and the runtime that works on it. */
export interface GpuContext {
  readonly ort: OnnxRuntime;
  readonly device: GpuDevice;
  /** True once the device is lost. */
  isLost(): boolean;
  /** Rejects with DeviceLost once the device is lost. */
  readonly lost: Interruption;
  /** Rejects with DeviceLost some time after the loss: what the runtime has not finished by then never ends. */
  readonly overdue: Interruption;
}

/**
 * Runtime and device given by the caller; the defaults are the package onnxruntime-web and a device of this package.
 */
export interface ContextOptions {
  readonly ort?: OnnxRuntime | undefined;
  readonly device?: GpuDevice | undefined;
  readonly wasmPaths?: unknown;
}

/** The runtime fails whatever it is at when its device is lost, within milliseconds. So long it is given, in ms. */
const GRACE = 2000;

/** The contexts of each device, one for each runtime, so that a decoder's buffers are found again. */
const contexts = new WeakMap<GpuDevice, WeakMap<OnnxRuntime, GpuContext>>();

/** Our own device, of which there is one for all calls. */
let ownDevice: Promise<GpuDevice> | undefined;

/** The context that these options mean. Once the device given is lost, it is that of our own device. */
export async function openContext({ ort: given, device, wasmPaths }: ContextOptions): Promise<GpuContext> {
  // Before the runtime is loaded, which is large: without a GPU it is of no use.
  if (!device && !ownDevice) await requestAdapter();
  const ort = given ?? (await importRuntime());
  if (wasmPaths !== undefined) ort.env.wasm.wasmPaths = wasmPaths;
  const context = device && (await usableContext(ort, device));
  if (context) return context;
  for (;;) {
    ownDevice ??= requestDevice();
    const requested = ownDevice;
    try {
      const own = await usableContext(ort, await requested);
      if (own) return own;
      forget(requested);
    } catch (error) {
      forget(requested);
      throw error;
    }
  }
}

/** Forgets the shared device, unless another call has replaced it already. */
function forget(requested: Promise<GpuDevice>): void {
  if (ownDevice === requested) ownDevice = undefined;
}

/** The context of a device, or undefined where it has been lost. */
async function usableContext(ort: OnnxRuntime, device: GpuDevice): Promise<GpuContext | undefined> {
  const context = contextOf(ort, device);
  // A device that was lost before says so in the next task at the latest.
  await new Promise((resolve) => setTimeout(resolve));
  return context.isLost() ? undefined : context;
}

function contextOf(ort: OnnxRuntime, device: GpuDevice): GpuContext {
  let byRuntime = contexts.get(device);
  if (!byRuntime) {
    byRuntime = new WeakMap();
    contexts.set(device, byRuntime);
  }
  const existing = byRuntime.get(ort);
  if (existing) return existing;
  const lost = new Interruption();
  const overdue = new Interruption();
  device.lost.then(({ message }) => {
    const error = new DeviceLost(message);
    lost.come(error);
    setTimeout(() => overdue.come(error), GRACE);
  });
  const context: GpuContext = { ort, device, isLost: () => lost.hasCome, lost, overdue };
  byRuntime.set(ort, context);
  return context;
}

/** Requests the browser's adapter. Twice, since browsers have been seen to answer null the first time only. */
export async function requestAdapter(): Promise<GpuAdapter> {
  // Node has no navigator before 21, and Node's has no gpu.
  const { gpu } = (globalThis.navigator ?? {}) as { readonly gpu?: Gpu };
  if (!gpu) {
    throw new LatentflowError(
      "unsupported",
      "webgpu: this runtime has no WebGPU (navigator.gpu); use wasm(). Browsers have it on pages served by HTTPS or from localhost",
    );
  }
  const options = { powerPreference: "high-performance" } as const;
  const adapter = (await gpu.requestAdapter(options)) ?? (await gpu.requestAdapter(options));
  if (!adapter) {
    throw new LatentflowError("unsupported", "webgpu: there is no adapter (no usable GPU); use wasm()");
  }
  return adapter;
}

async function requestDevice(): Promise<GpuDevice> {
  const adapter = await requestAdapter();
  const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
  return adapter.requestDevice({ requiredLimits: { maxBufferSize, maxStorageBufferBindingSize } });
}

/** An adapter's name for people: "nvidia ampere", say. */
export function adapterName(info: GpuAdapterInfo | undefined): string {
  const { vendor, architecture, device, description } = info ?? {};
  return description || [vendor, architecture, device].filter(Boolean).join(" ") || "unknown adapter";
}

/** True if an adapter is software on the CPU, which `wasm()` is faster than. */
export function isSoftware(info: GpuAdapterInfo | undefined): boolean {
  const names = [info?.vendor, info?.architecture, info?.device, info?.description].join(" ");
  return (
    info?.isFallbackAdapter === true || /swiftshader|llvmpipe|lavapipe|basic render|software/i.test(names)
  );
}
