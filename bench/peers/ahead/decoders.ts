/** One of the trained decoders, as decoders.py has them. */
export interface TrainedDecoder {
  readonly name: string;
  /** For the report. */
  readonly title: string;
  readonly latents: number;
  /** How many are encoded. */
  readonly samples: number;
}

export const DECODERS: readonly TrainedDecoder[] = [
  {
    name: "elu-20",
    title: "ELU 20 → 200 → 400 → 784, cross entropy, VAE on MNIST",
    latents: 20,
    samples: 32,
  },
  { name: "tanh-32", title: "tanh 32 → 256 → 512 → 784, Fashion-MNIST", latents: 32, samples: 32 },
  { name: "tanh-64", title: "tanh 64 → 4 × 512 → 784, Fashion-MNIST", latents: 64, samples: 32 },
  { name: "relu-30", title: "ReLU 30 → 500 → 8,000, Fashion-MNIST at 80 × 100", latents: 30, samples: 32 },
  {
    name: "silu-256",
    title: "SiLU 256 → 2 × 512 → 1,024, Fashion-MNIST at 32 × 32",
    latents: 256,
    samples: 28,
  },
  {
    name: "dcgan-100",
    title: "DCGAN 100 → 4×4×64 → 32 → 16 → 32×32×1, ELU, Fashion-MNIST",
    latents: 100,
    samples: 28,
  },
  {
    name: "deepsdf-16",
    title: "DeepSDF 16 → 4 × 64 with a skip, ReLU, 1,000 points of a shape",
    latents: 16,
    samples: 16,
  },
];

/** Up to so many latents we mean to be ahead; above, not to be far behind. */
const FEW_LATENTS = 64;

/** PyTorch's best time divided by ours that is meant at least. */
export function leastRatio(latents: number): number {
  return latents <= FEW_LATENTS ? 1 : 0.8;
}
