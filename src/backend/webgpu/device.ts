import { LatentflowError } from "../../errors.ts";
import type { Gpu, GpuAdapter, GpuAdapterInfo, GpuDevice, OnnxRuntime } from "./platform.ts";
import { importRuntime } from "./runtime.ts";

/** The work could not be done because the device was lost: destroyed, or its process ended. */
export class DeviceLost extends Error {
  override readonly name = "DeviceLost";
}

/** A device and the runtime that works on it. */
export interface GpuContext {
  readonly ort: OnnxRuntime;
  readonly device: GpuDevice;
  /** Has the device been lost? */
  isLost(): boolean;
  /** Rejects with DeviceLost once the device is lost; never resolves. */
  readonly lost: Promise<never>;
}

/** Where a context comes from: what the caller gives, and else the package onnxruntime-web and a device of ours. */
export interface ContextOptions {
  readonly ort?: OnnxRuntime | undefined;
  readonly device?: GpuDevice | undefined;
  readonly wasmPaths?: unknown;
}

/** The context of each device, so that a decoder's buffers on it are found again. */
const contexts = new WeakMap<GpuDevice, GpuContext>();

/** Our own device, of which there is one for all calls. */
let ownDevice: Promise<GpuDevice> | undefined;

/** The context that these options mean. Once the device given is lost, it is that of our own device. */
export async function openContext({ ort: given, device, wasmPaths }: ContextOptions): Promise<GpuContext> {
  const ort = given ?? (await importRuntime());
  if (wasmPaths !== undefined) ort.env.wasm.wasmPaths = wasmPaths;
  if (device) {
    const context = contextOf(ort, device);
    // A device that was lost before says so in the next task at the latest.
    await new Promise((resolve) => setTimeout(resolve));
    if (!context.isLost()) return context;
  }
  const own = ownDevice ? contextOf(ort, await ownDevice) : undefined;
  if (own && !own.isLost()) return own;
  ownDevice = requestDevice();
  // A request that failed is made again by the next call.
  ownDevice.catch(() => {
    ownDevice = undefined;
  });
  return contextOf(ort, await ownDevice);
}

function contextOf(ort: OnnxRuntime, device: GpuDevice): GpuContext {
  const known = contexts.get(device);
  if (known?.ort === ort) return known;
  let lost = false;
  const whenLost = device.lost.then(({ message }): never => {
    lost = true;
    throw new DeviceLost(message);
  });
  // Nobody may be waiting when it happens.
  whenLost.catch(() => {});
  const context: GpuContext = { ort, device, isLost: () => lost, lost: whenLost };
  contexts.set(device, context);
  return context;
}

/**
 * The adapter that the browser offers. It is asked for twice: browsers have been seen to answer null at first and
 * not the next time.
 */
export async function requestAdapter(): Promise<GpuAdapter> {
  const { gpu } = globalThis.navigator as { gpu?: Gpu } & Navigator;
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
