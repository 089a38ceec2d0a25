"""
Trains what `npm run experiment -- usefulness` encodes with, as other people would: a variational autoencoder and an
autoencoder of the same size, on MNIST's first 50,000 training digits. Their decoders and encoders are safetensors files
with a probe. Some minutes on one core; with the same PyTorch on the same machine the parameters have the same bits.

    python train.py MNIST-FOLDER OUT-FOLDER [--epochs 15] [--images 50000]
"""

import argparse
import contextlib
import os
import sys

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "python"))
import latentflow_export  # noqa: E402

LATENTS = 20
WIDTHS = (150, 300, 600)
PIXELS = 784
BATCH = 128


def _stack(widths):
    layers = []
    for inputs, outputs in zip(widths, widths[1:]):
        layers += [nn.Linear(inputs, outputs), nn.ELU()]
    return nn.Sequential(*layers[:-1])


def decoder():
    """20 → 150 → 300 → 600 → 784, ending in a sigmoid."""
    return nn.Sequential(*_stack((LATENTS, *WIDTHS, PIXELS)), nn.Sigmoid())


def autoencoder_encoder():
    """784 → 600 → 300 → 150 → 20."""
    return _stack((PIXELS, *reversed(WIDTHS), LATENTS))


def variational_encoder():
    """784 → 600 → 300 → 150 → 40: a digit's 20 means, then the logarithms of its 20 variances."""
    return _stack((PIXELS, *reversed(WIDTHS), 2 * LATENTS))


def read_digits(folder, count):
    """The first training digits, [count, 784], from 0 to 1."""
    with open(os.path.join(folder, "train-images-idx3-ubyte"), "rb") as file:
        file.seek(16)
        pixels = np.frombuffer(file.read(count * PIXELS), dtype=np.uint8)
    return torch.from_numpy(pixels.reshape(count, PIXELS).astype(np.float32) / 255)


def train(digits, is_variational, epochs):
    """Adam at 0.001 that falls to 0 linearly. The loss is in nats a digit: cross entropy, and the VAE's divergence."""
    torch.manual_seed(0)
    encode = variational_encoder() if is_variational else autoencoder_encoder()
    decode = decoder()
    logits_of = decode[:-1]
    optimizer = torch.optim.Adam([*encode.parameters(), *decode.parameters()], lr=1e-3)
    batches = epochs * -(-len(digits) // BATCH)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / batches)
    for epoch in range(epochs):
        total = 0.0
        for chosen in torch.randperm(len(digits)).split(BATCH):
            images = digits[chosen]
            code = encode(images)
            divergence = 0.0
            if is_variational:
                mean, log_variance = code.chunk(2, dim=1)
                code = mean + torch.exp(log_variance / 2) * torch.randn_like(mean)
                divergence = (mean**2 + log_variance.exp() - 1 - log_variance).sum() / 2
            distance = binary_cross_entropy_with_logits(logits_of(code), images, reduction="sum")
            loss = (distance + divergence) / len(images)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(images)
        name = "VAE" if is_variational else "autoencoder"
        print("{}: epoch {}, {:.2f} nats a digit".format(name, epoch + 1, total / len(digits)), flush=True)
    return encode, decode


def save(module, path, metadata, latent, factory):
    """Writes the file, then again with a probe, under its name at last: an interrupted run leaves none."""
    unproven = path + ".part"
    save_file(module.state_dict(), unproven, {"activation": "elu", **metadata})
    with contextlib.redirect_stdout(sys.stderr):
        failed = latentflow_export.main(
            ["probe", unproven, "--latent", str(latent), "--module", factory, "--out", path, "--force"]
        )
    os.remove(unproven)
    if failed:
        sys.exit(failed)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("mnist", help="the folder of MNIST's four files, not gzipped")
    parser.add_argument("out", help="the folder for the networks")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--images", type=int, default=50_000, help="how many digits to train on (default: 50000)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    digits = read_digits(options.mnist, options.images)
    os.makedirs(options.out, exist_ok=True)
    for name, is_variational in (("vae", True), ("autoencoder", False)):
        encode, decode = train(digits, is_variational, options.epochs)
        codes = (2 if is_variational else 1) * LATENTS
        encoder_factory = "train:variational_encoder" if is_variational else "train:autoencoder_encoder"
        save(
            encode,
            os.path.join(options.out, name + "-encoder.safetensors"),
            {"outputActivation": "identity", "loss": "mse", "outputShape": "[{}]".format(codes)},
            PIXELS,
            encoder_factory,
        )
        # Last: whoever finds it has the encoder, too.
        save(
            decode,
            os.path.join(options.out, name + "-decoder.safetensors"),
            {"loss": "bce", "outputShape": "[28,28]"},
            LATENTS,
            "train:decoder",
        )


if __name__ == "__main__":
    main()
