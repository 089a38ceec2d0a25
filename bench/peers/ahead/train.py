"""
Trains one of the seven decoders with fixed seeds and writes it with what it is timed on:

    train.py NAME FOLDER MNIST FASHION SAMPLES

MNIST and FASHION are the folders of the two data sets' files. Into FOLDER go NAME.pt, the parameters; NAME.onnx, the
same for latentflow; NAME.targets, SAMPLES rows of float32; and of a decoder over points NAME.points. A minute or two
on one core.
"""

import gzip
import math
import os
import sys

import numpy
import torch
import torch.nn.functional as F
from decoders import LATENTS, LOSSES, MAKERS, POINTS, perceptron
from torch import nn

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../python"))
from latentflow_export import export  # noqa: E402

# Mini-batches, and samples of one.
TRAINING = {
    "elu-20": (3000, 128),
    "tanh-32": (3000, 64),
    "tanh-64": (1500, 64),
    "relu-30": (600, 64),
    "silu-256": (1500, 64),
    "dcgan-100": (1500, 64),
    "deepsdf-16": (4000, 16),
}
SEED = 1


def images(folder, part):
    """[count, 1, 28, 28] in [0, 1]; files packed or not."""
    path = os.path.join(folder, part + "-images-idx3-ubyte")
    opened = open(path, "rb") if os.path.exists(path) else gzip.open(path + ".gz", "rb")
    with opened as file:
        content = file.read()
    pixels = numpy.frombuffer(content, numpy.uint8, offset=16)
    return torch.from_numpy(pixels.astype(numpy.float32) / 255).reshape(-1, 1, 28, 28)


def resized(pictures, size):
    return F.interpolate(pictures, size=size, mode="bilinear", align_corners=False)


class Encoder(nn.Module):
    """Of an autoencoder or a VAE; it is needed for training alone."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.layers = perceptron([inputs, 512, 256, outputs], nn.ELU)

    def forward(self, pictures):
        return self.layers(pictures.flatten(1))


SIZES = {"relu-30": (80, 100), "silu-256": (32, 32), "dcgan-100": (32, 32)}


def train_on_images(name, folders, samples):
    """As the decoder of an autoencoder, or for elu-20 of a VAE."""
    folder = folders["mnist" if name == "elu-20" else "fashion"]
    data, test = images(folder, "train"), images(folder, "t10k")[:samples]
    size = SIZES.get(name)
    fit = (lambda pictures: resized(pictures, size)) if size else (lambda pictures: pictures)
    targets = fit(test)
    variational = name == "elu-20"
    decoder = MAKERS[name]()
    latents = LATENTS[name]
    encoder = Encoder(data[0].numel(), 2 * latents if variational else latents)
    optimizer = torch.optim.Adam([*decoder.parameters(), *encoder.parameters()], lr=1e-3)
    steps, batch = TRAINING[name]
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for step in range(steps):
        pictures = data[torch.randint(len(data), (batch,))]
        codes = encoder(pictures)
        y = fit(pictures)
        if variational:
            mean, logarithm = codes.chunk(2, 1)
            codes = mean + torch.randn_like(mean) * (logarithm / 2).exp()
            extra = (mean**2 + logarithm.exp() - 1 - logarithm).sum(1).mean() / 2 / y[0].numel()
        else:
            # Keeps the codes about as large as a Gaussian's, so that 0 is a place to start from.
            extra = 1e-4 * (codes**2).mean()
        outputs = decoder(codes).flatten(1)
        error = F.binary_cross_entropy_with_logits if LOSSES[name] == "bce" else F.mse_loss
        loss = error(outputs, y.flatten(1))
        optimizer.zero_grad()
        (loss + extra).backward()
        optimizer.step()
        schedule.step()
        if step % 250 == 0 or step + 1 == steps:
            print(f"{name}: step {step}, loss {loss.item():.5f}, codes {codes.std().item():.2f}", file=sys.stderr)
    return decoder, targets.flatten(1), None


def random_shapes(count):
    """Ellipsoids' half-axes and boxes' half-sizes, a torus' radii; a centre; and how much there is of each."""
    return {
        "axes": 0.25 + 0.4 * torch.rand(count, 1, 3),
        "sides": 0.2 + 0.35 * torch.rand(count, 1, 3),
        "radii": torch.cat((0.35 + 0.25 * torch.rand(count, 1, 1), 0.08 + 0.12 * torch.rand(count, 1, 1)), 2),
        "centre": 0.3 * (torch.rand(count, 1, 3) - 0.5),
        "kind": torch.randint(3, (count, 1)),
    }


def distances(shapes, points):
    """Signed distances [count, points], of ellipsoids nearly, cut off at 0.5."""
    at = points - shapes["centre"]
    scaled = (at / shapes["axes"]).norm(dim=2)
    ellipsoid = scaled * (scaled - 1) / (at / shapes["axes"] ** 2).norm(dim=2).clamp_min(1e-6)
    outside = at.abs() - shapes["sides"]
    box = outside.clamp_min(0).norm(dim=2) + outside.amax(2).clamp_max(0)
    ring = torch.stack((at[..., :2].norm(dim=2) - shapes["radii"][..., 0], at[..., 2]), 2)
    torus = ring.norm(dim=2) - shapes["radii"][..., 1]
    kind = shapes["kind"]
    return torch.where(kind == 0, ellipsoid, torch.where(kind == 1, box, torus)).clamp(-0.5, 0.5)


def train_on_shapes(name, samples):
    """As DeepSDF's auto-decoder: a code for each of 500 shapes, learned beside the weights."""
    count, points = 500, 256
    shapes = random_shapes(count)
    decoder = MAKERS[name]()
    codes = nn.Parameter(0.1 * torch.randn(count, LATENTS[name]))
    optimizer = torch.optim.Adam([{"params": decoder.parameters(), "lr": 2e-3}, {"params": [codes], "lr": 1e-2}])
    steps, batch = TRAINING[name]
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for step in range(steps):
        rows = torch.randint(count, (batch,))
        xyz = 2 * torch.rand(batch, points, 3) - 1
        wanted = distances({key: value[rows] for key, value in shapes.items()}, xyz)
        loss = F.mse_loss(decoder(codes[rows], xyz)[..., 0], wanted)
        optimizer.zero_grad()
        (loss + 1e-4 * (codes[rows] ** 2).mean()).backward()
        optimizer.step()
        schedule.step()
        if step % 500 == 0 or step + 1 == steps:
            print(f"{name}: step {step}, loss {loss.item():.5f}, codes {codes.std().item():.2f}", file=sys.stderr)
    xyz = 2 * torch.rand(POINTS, 3) - 1
    return decoder, distances(random_shapes(samples), xyz), xyz


def main(name, folder, mnist, fashion, samples):
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    if name == "deepsdf-16":
        decoder, targets, xyz = train_on_shapes(name, int(samples))
    else:
        decoder, targets, xyz = train_on_images(name, {"mnist": mnist, "fashion": fashion}, int(samples))
    path = os.path.join(folder, name)
    for parameter in decoder.parameters():
        assert math.isfinite(parameter.abs().max().item()), f"{name}: training has diverged"
    torch.save(decoder.state_dict(), path + ".pt")
    targets.contiguous().numpy().tofile(path + ".targets")
    if xyz is not None:
        xyz.numpy().tofile(path + ".points")
    whole = nn.Sequential(decoder, nn.Sigmoid()) if LOSSES[name] == "bce" else decoder
    export(whole, path + ".onnx", LATENTS[name], points=None if xyz is None else {"xyz": xyz}, loss=LOSSES[name])


if __name__ == "__main__":
    main(*sys.argv[1:])
