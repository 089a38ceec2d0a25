/** A setting of a contender, by the names of its function in contenders.py. */
export type Setting = Readonly<Record<string, number | string>>;

/** A way to encode in PyTorch, and every setting that is tried of it. */
export interface Contender {
  readonly name: string;
  readonly about: string;
  readonly settings: readonly Setting[];
  /** The most evaluations of all samples, by which a run ends that does not end before. */
  readonly evaluations: number;
  /** A run ends where so many evaluations have lowered the sum of all losses by less than 1e-5 of it; 0: never so. */
  readonly patience: number;
}

export const CONTENDERS: readonly Contender[] = [
  {
    name: "Adam",
    about:
      "torch.optim.Adam on all samples at once; `fall`: the rate falls to 0 in so many steps, by a cosine",
    settings: [
      ...[0.03, 0.1, 0.3, 1].map((rate) => ({ rate, fall: 0 })),
      ...[0.1, 0.3, 1].map((rate) => ({ rate, fall: 200 })),
    ],
    evaluations: 1000,
    patience: 100,
  },
  {
    name: "AMD",
    about: "the paper's solver on all samples at once, a step size for each",
    settings: [
      { stepMax: 10, increaseFactor: 1.1 },
      { stepMax: 1000, increaseFactor: 1.1 },
      { stepMax: 1000, increaseFactor: 1.5 },
    ],
    evaluations: 1000,
    patience: 100,
  },
  {
    name: "Levenberg-Marquardt",
    about: "all samples at once, a damping for each; Jacobians by vmap over jvp, Cholesky factors in a batch",
    settings: ["identity", "diagonal"].flatMap((scale) => [
      { damping: 0.01, scale },
      { damping: 1, scale },
    ]),
    evaluations: 60,
    patience: 15,
  },
  {
    name: "joint L-BFGS",
    about: "torch.optim.LBFGS with strong Wolfe on all samples as one vector",
    settings: [{ memory: 10 }, { memory: 30 }, { memory: 100 }],
    evaluations: 600,
    patience: 100,
  },
  {
    name: "L-BFGS, sample by sample",
    about: "torch.optim.LBFGS with strong Wolfe, each sample to the stop of `lbfgs()` as it is",
    settings: [{ memory: 10 }, { memory: 30 }],
    evaluations: 1e9,
    patience: 0,
  },
];

/** A setting in a few words. */
export function describeSetting(setting: Setting): string {
  return Object.entries(setting)
    .map(([name, value]) => `${name} ${value}`)
    .join(", ");
}
