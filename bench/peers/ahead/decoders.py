"""The seven decoders, as PyTorch modules. They are trained by train.py and timed by contenders.py."""

import torch
import torch.nn.functional as F
from torch import nn

POINTS = 1000


def perceptron(sizes, activation):
    """Linear layers with `activation` between each two."""
    layers = []
    for i, (inputs, outputs) in enumerate(zip(sizes, sizes[1:])):
        layers.append(nn.Linear(inputs, outputs))
        if i + 2 < len(sizes):
            layers.append(activation())
    return nn.Sequential(*layers)


class Dcgan(nn.Module):
    """DCGAN's generator with a quarter of the channels and one colour: 100 -> 4x4x64 -> 8x8x32 -> 16x16x16 -> 32x32x1."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(100, 64 * 4 * 4)
        self.ups = nn.ModuleList(nn.ConvTranspose2d(i, o, 4, 2, 1) for i, o in ((64, 32), (32, 16), (16, 1)))

    def forward(self, z):
        values = self.first(z).reshape(-1, 64, 4, 4)
        for up in self.ups:
            values = up(F.elu(values))
        return torch.sigmoid(values)


class DeepSdf(nn.Module):
    """DeepSDF's form, small: the signed distance at each point, the latents and the point once more half-way."""

    def __init__(self, latents=16, hidden=64):
        super().__init__()
        self.latents = latents
        given = latents + 3
        self.before = perceptron([given, hidden, hidden], nn.ReLU)
        self.after = perceptron([hidden + given, hidden, hidden, 1], nn.ReLU)

    def forward(self, z, xyz):
        """z [batch, latents] and xyz [points, 3] or [batch, points, 3] -> [batch, points, 1]"""
        points = xyz if xyz.dim() == 3 else xyz.expand(z.shape[0], -1, -1)
        given = torch.cat((z[:, None].expand(-1, points.shape[1], -1), points), 2)
        return self.after(torch.cat((F.relu(self.before(given)), given), 2))


# Each returns a decoder with PyTorch's own initialisation. One of cross entropy ends in logits.
MAKERS = {
    "elu-20": lambda: perceptron([20, 200, 400, 784], nn.ELU),
    "tanh-32": lambda: perceptron([32, 256, 512, 784], nn.Tanh),
    "tanh-64": lambda: perceptron([64, 512, 512, 512, 512, 784], nn.Tanh),
    "relu-30": lambda: perceptron([30, 500, 8000], nn.ReLU),
    "silu-256": lambda: perceptron([256, 512, 512, 1024], nn.SiLU),
    "dcgan-100": Dcgan,
    "deepsdf-16": DeepSdf,
}
LATENTS = {
    "elu-20": 20,
    "tanh-32": 32,
    "tanh-64": 64,
    "relu-30": 30,
    "silu-256": 256,
    "dcgan-100": 100,
    "deepsdf-16": 16,
}
# "bce" is binary cross entropy on logits, "mse" squared error; both are means over the outputs.
LOSSES = {name: "bce" if name == "elu-20" else "mse" for name in MAKERS}
