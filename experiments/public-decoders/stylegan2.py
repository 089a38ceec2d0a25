# StyleGAN2: rosinality/stylegan2-pytorch, model.py, class Generator, with channel_multiplier 1, for 64 x 64 pixels
# (the published models have 256 x 256 and more). Its noise is drawn once and kept in buffers, as
# randomize_noise=False does. Blurs are written as op/upfirdn2d.py computes them without CUDA: the channels go into
# the batch before a convolution. As with fused=False there, the input is modulated and the output demodulated; the
# sums of squared weights, which do not depend on the style, are taken before they are multiplied with its squares.
# Of fused convolutions, whose weights are modulated, PyTorch's exporter makes no file.
import sqrt

import torch
from torch import nn
from torch.nn import functional as F

from common import write

def upfirdn2d(x, kernel, up=1, pad=(0, 0)):
    channels, height, width = x.shape[1:]
    x = x.reshape(-1, height, 1, width, 1, 1)
    x = F.pad(x, [0, 0, 0, up - 1, 0, 0, 0, up - 1]).view(-1, height * up, width * up, 1)
    x = F.pad(x, [0, 0, pad[0], pad[1], pad[0], pad[1]]).permute(0, 3, 1, 2)
    x = x.reshape([-1, 1, height * up + sum(pad), width * up + sum(pad)])
    x = F.conv2d(x, torch.flip(kernel, [0, 1])[None, None])
    height, width = x.shape[2:]
    return x.reshape(-1, 1, height, width).permute(0, 2, 3, 1).reshape(-1, channels, height, width)


class Blur(nn.Module):
    def __init__(self, pad, up=1):
        super().__init__()
        taps = torch.tensor([1.0, 3, 3, 1])
        self.register_buffer("kernel", torch.outer(taps, taps) / 64 * 4)
        self.pad = pad
        self.up = up

    def forward(self, x):
        return upfirdn2d(x, self.kernel, self.up, self.pad)


class EqualLinear(nn.Module):
    def __init__(self, inputs, outputs, bias=0.0, rate=1.0, activation=False):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / rate)
        self.bias = nn.Parameter(torch.full((outputs,), bias))
        self.scale = rate / sqrt(inputs)
        self.rate = rate
        self.activation = activation

    def forward(self, x):
        x = F.linear(x, self.weight * self.scale, self.bias * self.rate)
        return F.leaky_relu(x, 0.2) * sqrt(2) if self.activation else x


class ModulatedConv2d(nn.Module):
    def __init__(self, inputs, outputs, style, kernel, demodulate=True, upsample=False):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.scale = 1 / sqrt(inputs * kernel**2)
        self.modulation = EqualLinear(style, inputs, bias=1.0)
        self.padding = kernel // 2
        self.demodulate = demodulate
        self.blur = Blur((1, 1)) if upsample else None

    def forward(self, x, style):
        weight = self.weight * self.scale
        style = self.modulation(style)
        x = x * style.view(style.shape[0], -1, 1, 1)
        if self.blur:
            x = self.blur(F.conv_transpose2d(x, weight.transpose(0, 1), stride=2))
        else:
            x = F.conv2d(x, weight, padding=self.padding)
        if self.demodulate:
            squares = weight.pow(2).sum((2, 3)).t()
            x = x * torch.rsqrt(style.pow(2) @ squares + 1e-8).view(style.shape[0], -1, 1, 1)
        return x


class StyledConv(nn.Module):
    def __init__(self, inputs, outputs, style, size, upsample=False):
        super().__init__()
        self.conv = ModulatedConv2d(inputs, outputs, style, 3, upsample=upsample)
        self.strength = nn.Parameter(torch.tensor(0.1))
        self.register_buffer("noise", torch.randn(1, 1, size, size))
        self.bias = nn.Parameter(torch.randn(1, outputs, 1, 1) * 0.1)

    def forward(self, x, style):
        x = self.conv(x, style) + self.strength * self.noise
        return F.leaky_relu(x + self.bias, 0.2) * sqrt(2)


class ToRGB(nn.Module):
    def __init__(self, inputs, style, upsample=True):
        super().__init__()
        self.conv = ModulatedConv2d(inputs, 3, style, 1, demodulate=False)
        self.bias = nn.Parameter(torch.zeros(1, 3, 1, 1))
        self.upsample = Blur((2, 1), up=2) if upsample else None

    def forward(self, x, style, skip=None):
        x = self.conv(x, style) + self.bias
        return x if skip is None else x + self.upsample(skip)


class Generator(nn.Module):
    def __init__(self, latent=512, channels=(512, 512, 512, 512, 256), layers=8):
        super().__init__()
        self.style = nn.Sequential(
            *(EqualLinear(latent, latent, rate=0.01, activation=True) for _ in range(layers))
        )
        self.input = nn.Parameter(torch.randn(1, channels[0], 4, 4))
        self.conv1 = StyledConv(channels[0], channels[0], latent, 4)
        self.to_rgb1 = ToRGB(channels[0], latent, upsample=False)
        self.convs = nn.ModuleList()
        self.to_rgbs = nn.ModuleList()
        for level, (before, after) in enumerate(zip(channels, channels[1:]), 1):
            size = 4 * 2**level
            self.convs.append(StyledConv(before, after, latent, size, upsample=True))
            self.convs.append(StyledConv(after, after, latent, size))
            self.to_rgbs.append(ToRGB(after, latent))

    def forward(self, z):
        style = self.style(z * torch.rsqrt(torch.mean(z**2, dim=1, keepdim=True) + 1e-8))
        x = self.conv1(self.input.repeat(z.shape[0], 1, 1, 1), style)
        skip = self.to_rgb1(x, style)
        for up, conv, to_rgb in zip(self.convs[::2], self.convs[1::2], self.to_rgbs):
            x = conv(up(x, style), style)
            skip = to_rgb(x, style, skip)
        return skip


if __name__ == "__main__":
    torch.manual_seed(0)
    write("stylegan2", Generator(), latent=512)
