import type { Decoder, StandardLoss } from "../../index.ts";
import type { AutoencoderResult, TrainResult } from "../../train/index.ts";
import type { DataOptions, SourcedData } from "../input/data-source.ts";
import type { DecoderFlags } from "../input/decoder-file.ts";
import type { FixedFlags, FixedInputs } from "../input/fixed-inputs.ts";
import type { WeightFlags } from "../input/pictures/picture-options.ts";
import type { FixedArgument } from "./parse.ts";
import type { ChosenPrior } from "./prior.ts";
import type { PriorFlags } from "./prior-options.ts";
import type { ChosenTraining, TrainingOptions } from "./training-options.ts";

/** Options of `latentflow train`, as commander hands them over. */
export interface TrainingJob
  extends DataOptions,
    WeightFlags,
    Omit<DecoderFlags, "decoder">,
    FixedFlags,
    PriorFlags,
    TrainingOptions {
  readonly out: string;
  readonly layers?: readonly number[];
  readonly decoder?: string;
  readonly architecture?: string;
  readonly resume?: true;
  readonly checkpointSeconds: number;
  readonly validateEvery?: number;
  readonly validateLimit?: number;
  readonly validateWeights?: string;
  readonly validateMask?: readonly string[];
  readonly validateFixed?: readonly FixedArgument[];
}

/** Data that `latentflow train` reads. */
export interface TrainingInput {
  readonly data: SourcedData;
  readonly validation: SourcedData | undefined;
  /** Weights of the training samples, and of the validation samples. */
  readonly weights: Float32Array | undefined;
  readonly validationWeights: Float32Array | undefined;
  readonly decoder: Decoder;
  readonly loss: StandardLoss;
  /** Prior on the codes; undefined for an autoencoder, whose codes come from its encoder. */
  readonly prior: ChosenPrior | undefined;
  /** Fixed inputs of the training samples; `validationFixed` has those of the validation samples. */
  readonly fixed: FixedInputs;
  readonly validationFixed: FixedInputs | undefined;
}

/** Finished run of `latentflow train`. */
export interface TrainingRun extends TrainingInput {
  readonly job: TrainingJob;
  readonly training: ChosenTraining;
  readonly result: TrainResult | AutoencoderResult;
  /** Seconds since the start of this process's run, which may have begun at a checkpoint. */
  readonly seconds: number;
}
