# StyleGAN, the first one: rosinality/style-based-gan-pytorch, model.py, class StyledGenerator, for 256 x 256 pixels.
# There each call draws noise; here the noise is drawn once and kept in buffers, as NVIDIA's randomize_noise=False
# does.
from math import sqrt

import torch
from torch import nn
from torch.nn import functional as F

from common import write


class EqualLinear(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight_orig = nn.Parameter(torch.randn(outputs, inputs))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x):
        return F.linear(x, self.weight_orig * sqrt(2 / self.weight_orig.shape[1]), self.bias)


class EqualConv2d(nn.Module):
    def __init__(self, inputs, outputs, kernel, padding=0):
        super().__init__()
        self.weight_orig = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.randn(outputs) * 0.1)
        self.padding = padding

    def forward(self, x):
        weight = self.weight_orig * sqrt(2 / self.weight_orig[0].numel())
        return F.conv2d(x, weight, self.bias, padding=self.padding)


class FusedUpsample(nn.Module):
    """A kernel of 3 spread to 4, once: there it is at each call, of which PyTorch's exporter makes no convolution."""

    def __init__(self, inputs, outputs, kernel, padding):
        super().__init__()
        weight = torch.randn(inputs, outputs, kernel, kernel) * sqrt(2 / (inputs * kernel * kernel))
        weight = F.pad(weight, [1, 1, 1, 1])
        weight = (weight[:, :, 1:, 1:] + weight[:, :, :-1, 1:] + weight[:, :, 1:, :-1] + weight[:, :, :-1, :-1]) / 4
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.padding = padding

    def forward(self, x):
        return F.conv_transpose2d(x, self.weight, self.bias, stride=2, padding=self.padding)


class Blur(nn.Module):
    def __init__(self, channels):
        super().__init__()
        weight = torch.tensor([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]]).view(1, 1, 3, 3)
        self.register_buffer("weight", (weight / weight.sum()).repeat(channels, 1, 1, 1))

    def forward(self, x):
        return F.conv2d(x, self.weight, padding=1, groups=x.shape[1])


class PixelNorm(nn.Module):
    def forward(self, x):
        return x / torch.sqrt(torch.mean(x**2, dim=1, keepdim=True) + 1e-8)


class NoiseInjection(nn.Module):
    def __init__(self, channels, size):
        super().__init__()
        self.weight_orig = nn.Parameter(torch.randn(1, channels, 1, 1) * 0.1)
        self.register_buffer("noise", torch.randn(1, 1, size, size))

    def forward(self, x):
        return x + self.weight_orig * sqrt(2 / self.weight_orig.shape[1]) * self.noise


class AdaptiveInstanceNorm(nn.Module):
    def __init__(self, channels, style):
        super().__init__()
        # affine, with scales of 1 and shifts of 0: without them the exporter asks how many channels there are, which it
        # has forgotten behind repeat().
        self.norm = nn.InstanceNorm2d(channels, affine=True)
        self.style = EqualLinear(style, channels * 2)
        self.style.bias.data[:channels] = 1
        self.style.bias.data[channels:] = 0

    def forward(self, x, style):
        style = self.style(style).unsqueeze(2).unsqueeze(3)
        gamma, beta = style.chunk(2, 1)
        return gamma * self.norm(x) + beta


class ConstantInput(nn.Module):
    def __init__(self, channels, size=4):
        super().__init__()
        self.input = nn.Parameter(torch.randn(1, channels, size, size))

    def forward(self, style):
        return self.input.repeat(style.shape[0], 1, 1, 1)


class StyledConvBlock(nn.Module):
    def __init__(self, inputs, outputs, size, initial=False, fused=False):
        super().__init__()
        if initial:
            self.conv1 = ConstantInput(inputs)
        elif fused:
            self.conv1 = nn.Sequential(FusedUpsample(inputs, outputs, 3, padding=1), Blur(outputs))
        else:
            self.conv1 = nn.Sequential(
                nn.Upsample(scale_factor=2, mode="nearest"), EqualConv2d(inputs, outputs, 3, padding=1), Blur(outputs)
            )
        self.initial = initial
        self.noise1 = NoiseInjection(outputs, size)
        self.adain1 = AdaptiveInstanceNorm(outputs, 512)
        self.lrelu1 = nn.LeakyReLU(0.2)
        self.conv2 = EqualConv2d(outputs, outputs, 3, padding=1)
        self.noise2 = NoiseInjection(outputs, size)
        self.adain2 = AdaptiveInstanceNorm(outputs, 512)
        self.lrelu2 = nn.LeakyReLU(0.2)

    def forward(self, x, style):
        x = self.conv1(style if self.initial else x)
        x = self.adain1(self.lrelu1(self.noise1(x)), style)
        return self.adain2(self.lrelu2(self.noise2(self.conv2(x))), style)


class StyledGenerator(nn.Module):
    def __init__(self, channels=(512, 512, 512, 512, 256, 128, 64)):
        super().__init__()
        mapping = [PixelNorm()]
        for _ in range(8):
            mapping += [EqualLinear(512, 512), nn.LeakyReLU(0.2)]
        self.style = nn.Sequential(*mapping)
        blocks = [StyledConvBlock(channels[0], channels[0], 4, initial=True)]
        for level, (before, after) in enumerate(zip(channels, channels[1:]), 1):
            size = 4 * 2**level
            blocks.append(StyledConvBlock(before, after, size, fused=size >= 128))
        self.progression = nn.ModuleList(blocks)
        self.to_rgb = EqualConv2d(channels[-1], 3, 1)

    def forward(self, z):
        style = self.style(z)
        x = None
        for block in self.progression:
            x = block(x, style)
        return self.to_rgb(x)


torch.manual_seed(0)
write("stylegan", StyledGenerator(), latent=512, probe_rows=2)
