// Written by scripts/document-lists.ts from the docstrings of the options: edit these, and run it.

/** Help text of each option of the library that a flag of the program sets, by function and option. */
export const OPTION_TEXTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  encode: {
    flow: "differential equation whose solution leads to the code",
    solver: "solver that takes each sample from z0 to its code",
    missing:
      "treatment of NaN in y where the weight is above 0; omit: the value is missing, has weight 0 and is counted in the result's missing; refuse: an error",
    batchSize:
      "maximum number of samples that each thread processes at the same time, ≥ 1; it bounds memory and never changes a result (default: chosen for the decoder)",
  },
  evaluate: {
    missing:
      "treatment of NaN in y where the weight is above 0; omit: the value is missing, has weight 0 and is counted in the result's missing; refuse: an error",
    batchSize:
      "maximum number of samples that each thread processes at the same time, ≥ 1; it bounds memory and never changes a result (default: chosen for the decoder)",
    gap: "encode the samples also by a flow, and report each sample's gap, the encoder's loss minus the flow's",
  },
  train: {
    adjoint:
      "method that computes the gradient with respect to the decoder's parameters: approximate, full or direct",
    missing:
      "treatment of NaN in the data, also of validation, where the weight is above 0; omit: the value is missing and has weight 0; refuse: an error",
    standardise:
      "train on standardised data, (y - mean)/deviation of each output, for columns in different units",
    warmStart: "start each sample's flow where its previous one ended, not at the decoder's start",
    codes:
      "source of the codes: encoded, a flow for each mini-batch; or kept, a code stored for each sample and updated together with the decoder's parameters",
    optimizer: "optimizer of the networks' parameters",
    schedule: "schedule of the learning rate over the run",
    batchSize: "number of samples in a mini-batch, ≥ 1",
    replacement: "draw mini-batches with replacement, not from a new permutation in each epoch",
    seed: "seed of the random numbers for mini-batches, augmentation, mask and a new encoder, an integer ≥ 0",
    gradientClip:
      "maximum norm of a mini-batch's mean gradient, > 0; a longer gradient is scaled down to it (default: unbounded)",
    epochs: "number of passes over the data, ≥ 1",
  },
  sampleCodes: {
    seed: "seed of the random numbers by which codes are drawn, an integer ≥ 0",
    missing:
      "treatment of NaN in y where the weight is above 0; omit: the value is missing, has weight 0 and is counted in the result's missing; refuse: an error",
  },
  shift: {
    pixels:
      "maximum random shift of an image along each axis, in pixels, ≥ 1 and less than the image's height and width",
  },
  checkValidation: {
    everyImages: "number of training images from one validation to the next, ≥ 1 (default: one epoch)",
  },
  checkCheckpoint: {
    everySeconds: "time between two checkpoints in seconds, ≥ 0",
  },
  fitGaussian: {
    covariance: "form of the covariance: diagonal for variances alone, or full for the whole matrix",
    shrinkage:
      "shrinkage s of the full covariance, in [0, 1]: correlations are multiplied by 1 - s, variances are unchanged",
    weight: "factor that multiplies the prior's value in nats, > 0",
  },
  fitGaussianMixture: {
    components: "number K of Gaussians, ≥ 1 and at most the number of distinct codes",
    seed: "seed of the random start, an integer ≥ 0; the same seed gives the same prior",
  },
  lbfgs: {
    tolerance:
      "decrease of the loss in one step below which convergence is checked, ≥ 0: a fraction of its decrease so far, or of its excess over its floor if that is larger; less near the floor; with 0 only the rounding of float32 counts",
    memory: "maximum number of pairs (step, change of the gradient) stored for each sample, 1 to 1,000",
    maxSteps: "maximum number of accepted steps per sample, ≥ 0",
    slope:
      "decrease of the loss that a step must exceed, as a fraction of the decrease that the gradient predicts, in [0, 1)",
  },
  amd: {
    t1: "end time of the flow, > 0",
    stepInit: "length of the first step, and minimum length that each later step is first tried with, > 0",
    stepMax: "maximum step length, > 0 and at least --step-init",
    increaseFactor: "growth factor of the step length from one step to the next, ≥ 1",
    decreaseFactor:
      "factor that multiplies the length of a step that does not lower the loss enough, in (0, 1)",
    slope:
      "decrease of the loss that a step must exceed, as a fraction of the decrease that the gradient predicts, in [0, 1)",
    growFrom: "length of a step that the next one grows from: accepted, or trial, the length first tried",
    maxBacktracks:
      "maximum number of times that one step is shortened, ≥ 0; if it still fails, the sample ends as stalled or converged",
    maxSteps: "maximum number of accepted steps per sample, ≥ 0",
    tolerance:
      "mean decrease of the loss per step, over the last --window accepted losses, below which a sample has converged, ≥ 0",
    window: "number of accepted losses, the latest ones, that --tolerance is tested on, 2 to 1,000",
    settle: "fraction of the end time --t1 before which --tolerance ends no sample, in [0, 1]",
  },
  rk4: {
    rule: "tableau: classic, or 3/8, Kutta's rule, slightly more accurate at the same cost",
  },
  dormandPrince: {
    t1: "end time of the flow, > 0",
    rtol: "error allowed in a step, relative to the magnitude of the state, ≥ 0",
    atol: "absolute error allowed in a step, added to the relative one, > 0",
    stepInit: "length of the first step that is tried, > 0",
    maxSteps: "maximum number of steps per sample, accepted and rejected ones together, ≥ 0",
  },
  linearGrid: {
    t1: "end time of the flow, > 0",
    slices: "number N of steps, ≥ 1",
  },
  logGrid: {
    t1: "end time of the flow, > 0",
    slices: "number N of steps, ≥ 1",
    base: "growth b of the steps, > 1: the last one is about b times as long as the first",
  },
  gradientFlow: {
    alpha: "strength α(t) of the gradient, > 0: a constant, or decay:RATE for exp(-RATE t/t1)",
  },
  nesterovFlow: {
    epsilon: "constant ε that keeps the damping 3/(t+ε) of the velocity finite at t = 0, > 0",
    alpha: "strength α(t) of the gradient, > 0: a constant, or decay:RATE for exp(-RATE t/t1)",
  },
  rmsprop: {
    learningRate: "learning rate, ≥ 0",
    alpha: "decay rate of v, the running mean of the squared gradients, in [0, 1)",
    epsilon: "term ε added to the denominator √v, ≥ 1e-37",
  },
  adam: {
    learningRate: "learning rate, ≥ 0",
    beta1: "decay rate β₁ of m, the running mean of the gradients, in [0, 1)",
    beta2: "decay rate β₂ of v, the running mean of the squared gradients, in [0, 1)",
    epsilon: "term ε added to the denominator √v̂, v̂ the bias-corrected v, ≥ 1e-37",
    weightDecay: "weight decay λ, decoupled from the gradient (AdamW), ≥ 0",
  },
  sgd: {
    learningRate: "learning rate, ≥ 0",
    momentum: "decay rate of the velocity u, in [0, 1)",
  },
  linear: {
    to: "factor of the learning rate at the end of the run, ≥ 0",
  },
  cosine: {
    to: "factor of the learning rate at the end of the run, ≥ 0",
  },
};
