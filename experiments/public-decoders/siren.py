# vsitzmann/siren. Two decoders. siren: modules.py, class SingleBVPNet with sines, 3 hidden layers of 256, where the
# code is joined to the point. siren_hypernetwork: meta_modules.py, class HyperNetwork, as in
# NeuralProcessImplicit2DHypernet: a network makes all weights of the SIREN from the code, so its matrices are
# computed.
from math import sqrt

import torch
from torch import nn

from common import write

HIDDEN = 256
LATENT = 256


def siren_weights(weight, inputs, first):
    bound = 1 / inputs if first else sqrt(6 / inputs) / 30
    return nn.init.uniform_(weight, -bound, bound)


class Siren(nn.Module):
    def __init__(self, latent=LATENT, outputs=3):
        super().__init__()
        dims = [2 + latent] + [HIDDEN] * 4 + [outputs]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(dims, dims[1:]))
        for index, layer in enumerate(self.layers):
            # As if the coordinates were all: each code has to act as one of them does.
            siren_weights(layer.weight, 2 if index == 0 else layer.in_features, index == 0)
        with torch.no_grad():
            self.layers[0].weight[:, 2:] /= 30 * sqrt(latent)

    def forward(self, z, xy):
        z = z.unsqueeze(1).expand(-1, xy.shape[0], -1)
        xy = xy.unsqueeze(0).expand(z.shape[0], -1, -1)
        x = torch.cat([xy, z], -1)
        for layer in self.layers[:-1]:
            x = torch.sin(30 * layer(x))
        return self.layers[-1](x)


class HyperNetwork(nn.Module):
    """For each parameter of the SIREN a network of one hidden layer, whose last layer's weights are nearly 0."""

    def __init__(self, latent=LATENT, hidden=256, outputs=3):
        super().__init__()
        self.dims = [2] + [HIDDEN] * 4 + [outputs]
        self.weights = nn.ModuleList()
        self.biases = nn.ModuleList()
        for index, (a, b) in enumerate(zip(self.dims, self.dims[1:])):
            for nets, size in ((self.weights, a * b), (self.biases, b)):
                net = nn.Sequential(
                    nn.Linear(latent, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, size)
                )
                for layer in net[:-1:2]:
                    nn.init.kaiming_normal_(layer.weight)
                bound = (1 / a if index == 0 else sqrt(6 / a) / 30) if size != b else 1 / sqrt(a)
                nn.init.uniform_(net[-1].bias, -bound, bound)
                nn.init.normal_(net[-1].weight, 0, 0.3 * bound / sqrt(hidden))
                nets.append(net)

    def forward(self, z, xy):
        x = xy.unsqueeze(0).expand(z.shape[0], -1, -1)
        for index, (a, b) in enumerate(zip(self.dims, self.dims[1:])):
            weight = self.weights[index](z).reshape(-1, b, a)
            x = x.matmul(weight.permute(0, 2, 1)) + self.biases[index](z).unsqueeze(-2)
            if index < len(self.dims) - 2:
                x = torch.sin(30 * x)
        return x


torch.manual_seed(0)
points = torch.rand(1000, 2) * 2 - 1
write("siren", Siren(), latent=LATENT, points={"xy": points})
write("siren_hypernetwork", HyperNetwork(), latent=LATENT, points={"xy": points})
