# marcoamonteiro/pi-GAN, siren/siren.py, class SPATIALSIRENBASELINE: a mapping network, FiLM layers with sines, at
# points and the directions they are seen from. Its weights are drawn as there.
from math import sqrt

import torch
from torch import nn

from common import write


class CustomMappingNetwork(nn.Module):
    def __init__(self, latent, hidden, outputs):
        super().__init__()
        self.network = nn.Sequential(
            nn.Linear(latent, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, hidden), nn.LeakyReLU(0.2),
            nn.Linear(hidden, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, outputs),
        )
        for layer in self.network:
            if isinstance(layer, nn.Linear):
                nn.init.kaiming_normal_(layer.weight, a=0.2, mode="fan_in", nonlinearity="leaky_relu")
        with torch.no_grad():
            self.network[-1].weight *= 0.25

    def forward(self, z):
        both = self.network(z)
        half = both.shape[-1] // 2
        return both[..., :half], both[..., half:]


class FiLMLayer(nn.Module):
    def __init__(self, inputs, hidden, bound):
        super().__init__()
        self.layer = nn.Linear(inputs, hidden)
        nn.init.uniform_(self.layer.weight, -bound, bound)

    def forward(self, x, frequency, phase):
        x = self.layer(x)
        frequency = frequency.unsqueeze(1).expand_as(x)
        phase = phase.unsqueeze(1).expand_as(x)
        return torch.sin(frequency * x + phase)


class Generator(nn.Module):
    def __init__(self, latent=256, hidden=256, layers=8):
        super().__init__()
        self.hidden = hidden
        bound = sqrt(6 / hidden) / 25
        self.network = nn.ModuleList(
            [FiLMLayer(3, hidden, 1 / 3)] + [FiLMLayer(hidden, hidden, bound) for _ in range(layers - 1)]
        )
        self.final_layer = nn.Linear(hidden, 1)
        self.color_layer_sine = FiLMLayer(hidden + 3, hidden, bound)
        self.color_layer_linear = nn.Sequential(nn.Linear(hidden, 3), nn.Sigmoid())
        self.mapping_network = CustomMappingNetwork(latent, hidden, (layers + 1) * hidden * 2)
        nn.init.uniform_(self.final_layer.weight, -bound, bound)
        nn.init.uniform_(self.color_layer_linear[0].weight, -bound, bound)

    def forward(self, z, xyz, directions):
        frequencies, phases = self.mapping_network(z)
        frequencies = frequencies * 15 + 30
        xyz = xyz.unsqueeze(0).expand(z.shape[0], -1, -1)
        directions = directions.unsqueeze(0).expand(z.shape[0], -1, -1)
        x = xyz * (2 / 0.24)
        for index, layer in enumerate(self.network):
            part = slice(index * self.hidden, (index + 1) * self.hidden)
            x = layer(x, frequencies[..., part], phases[..., part])
        sigma = self.final_layer(x)
        colour = torch.cat([directions, x], dim=-1)
        colour = self.color_layer_sine(colour, frequencies[..., -self.hidden :], phases[..., -self.hidden :])
        return torch.cat([self.color_layer_linear(colour), sigma], dim=-1)


torch.manual_seed(0)
points = (torch.rand(1000, 3) - 0.5) * 0.24
directions = nn.functional.normalize(torch.randn(1000, 3), dim=-1)
write("pigan", Generator(), latent=256, points={"xyz": points, "directions": directions})
