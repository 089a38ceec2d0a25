# Progressive GAN: facebookresearch/pytorch_GAN_zoo, models/networks/progressive_conv_net.py, class GNet, at 32 x 32
# pixels: four of the seven scales of its 256 x 256. Its files are older than what the exporter of this package
# writes:
# progan_opset11 has opset 11, progan_opset9 opset 9 and a batch of 4 that is part of the file.
from math import sqrt

import torch
from torch import nn
from torch.nn import functional as F

from common import write_as


class Equalized(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.module = layer
        layer.weight.data.normal_(0, 1)
        layer.bias.data.normal_(0, 0.1)
        self.weight = sqrt(2 / layer.weight[0].numel())

    def forward(self, x):
        return self.module(x) * self.weight


class NormalizationLayer(nn.Module):
    def forward(self, x):
        return x * ((x**2).mean(dim=1, keepdim=True) + 1e-8).rsqrt()


def upscale(x):
    batch, channels, height, width = x.size()
    x = x.view(-1, channels, height, 1, width, 1).expand(-1, channels, height, 2, width, 2)
    return x.contiguous().view(-1, channels, height * 2, width * 2)


class GNet(nn.Module):
    def __init__(self, latent=512, scales=(512, 512, 512, 512)):
        super().__init__()
        conv = lambda a, b, kernel: Equalized(nn.Conv2d(a, b, kernel, padding=kernel // 2))  # noqa: E731
        self.scales = scales
        self.formatLayer = Equalized(nn.Linear(latent, 16 * scales[0]))
        self.normalizationLayer = NormalizationLayer()
        self.firstLayer = conv(scales[0], scales[0], 3)
        self.scaleLayers = nn.ModuleList(
            nn.ModuleList([conv(a, b, 3), conv(b, b, 3)]) for a, b in zip(scales, scales[1:])
        )
        self.toRGBLayer = conv(scales[-1], 3, 1)

    def forward(self, z):
        x = self.normalizationLayer(z)
        x = F.leaky_relu(self.formatLayer(x.view(-1, x.size(1))), 0.2)
        x = self.normalizationLayer(x.view(x.size()[0], -1, 4, 4))
        x = self.normalizationLayer(F.leaky_relu(self.firstLayer(x), 0.2))
        for layers in self.scaleLayers:
            x = upscale(x)
            for layer in layers:
                x = self.normalizationLayer(F.leaky_relu(layer(x), 0.2))
        return self.toRGBLayer(x)


if __name__ == "__main__":
    torch.manual_seed(0)
    generator = GNet().eval()
    write_as("progan_opset11", generator, torch.randn(2, 512), opset=11, axes={"z": {0: "batch"}, "x": {0: "batch"}})
    write_as("progan_opset9", generator, torch.randn(4, 512), opset=9)
