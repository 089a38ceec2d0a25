import { createRandom } from "../../src/base/random.ts";
import { fitGaussian, fitGaussianMixture, gaussian, gaussianMixture } from "../../src/index.ts";
import { normal } from "./given.ts";
import type { NamedPrior } from "./methods.ts";
import type { Guess } from "./networks.ts";

/** Components of mixtures: as many Gaussians as are fitted, and digits whose codes make a VampPrior. */
export interface MixtureSizes {
  readonly fitted: number;
  readonly vamp: number;
}

/**
 * The priors that codes are found with: none, ½‖z‖² once and three times over, and a mixture fitted to what an encoder
 * finds of training digits. Of an autoencoder, whose codes nothing drew to ½‖z‖², also one Gaussian of them; of a VAE also
 * the encoder's own densities at some of the digits. A VAE's codes are drawn from these, as its decoder was trained with
 * such.
 *
 * @param guess of training digits, in random order
 */
export function codePriors(
  { means, deviations }: Guess,
  latentSize: number,
  { fitted, vamp }: MixtureSizes,
  seed: number,
): NamedPrior[] {
  const random = createRandom(seed, DRAW_STREAM);
  const codes = deviations ? means.map((mean, i) => mean + deviations[i]! * normal(random)) : means;
  const rows = (values: Float32Array) =>
    Array.from({ length: vamp }, (_, k) => values.subarray(k * latentSize, (k + 1) * latentSize));
  const mixture = fitGaussianMixture(codes, { latentSize, components: fitted, seed });
  return [
    { name: "no prior", prior: undefined },
    { name: "prior ½‖z‖²", prior: gaussian() },
    { name: "prior 3 · ½‖z‖²", prior: gaussian({ weight: 3 }) },
    { name: `a mixture of ${fitted} of the encoder's codes`, prior: mixture.prior },
    deviations
      ? {
          name: `a VampPrior at ${vamp} digits`,
          prior: gaussianMixture({ means: rows(means), stds: rows(deviations) }),
        }
      : {
          name: "one Gaussian of the encoder's codes",
          prior: fitGaussian(codes, { latentSize, covariance: "full" }),
        },
  ];
}

/** Its own sequence of the seed. */
const DRAW_STREAM = 11;
