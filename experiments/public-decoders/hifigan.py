# HiFi-GAN: jik876/hifi-gan, models.py, class Generator, with config_v1.json, weight norm taken off. z is a mel
# spectrogram of 80 bands and 8 frames, which become 2,048 samples of sound.
import torch
from torch import nn
from torch.nn import functional as F

from common import vary, write


class ResBlock(nn.Module):
    def __init__(self, channels, kernel, dilations):
        super().__init__()
        conv = lambda d: nn.Conv1d(channels, channels, kernel, dilation=d, padding=d * (kernel - 1) // 2)  # noqa: E731
        self.convs1 = nn.ModuleList(conv(dilation) for dilation in dilations)
        self.convs2 = nn.ModuleList(conv(1) for _ in dilations)

    def forward(self, x):
        for first, second in zip(self.convs1, self.convs2):
            x = second(F.leaky_relu(first(F.leaky_relu(x, 0.1)), 0.1)) + x
        return x


class Generator(nn.Module):
    def __init__(self, rates=(8, 8, 2, 2), kernels=(16, 16, 4, 4), channels=512, blocks=(3, 7, 11)):
        super().__init__()
        self.conv_pre = nn.Conv1d(80, channels, 7, padding=3)
        self.ups = nn.ModuleList()
        self.resblocks = nn.ModuleList()
        for rate, kernel in zip(rates, kernels):
            self.ups.append(nn.ConvTranspose1d(channels, channels // 2, kernel, rate, padding=(kernel - rate) // 2))
            channels //= 2
            self.resblocks.append(nn.ModuleList(ResBlock(channels, kernel, (1, 3, 5)) for kernel in blocks))
        self.conv_post = nn.Conv1d(channels, 1, 7, padding=3)

    def forward(self, z):
        x = self.conv_pre(z)
        for up, blocks in zip(self.ups, self.resblocks):
            x = up(F.leaky_relu(x, 0.1))
            x = sum(block(x) for block in blocks) / len(blocks)
        return torch.tanh(self.conv_post(F.leaky_relu(x)))


if __name__ == "__main__":
    torch.manual_seed(0)
    write("hifigan", vary(Generator(), torch.randn(2, 80, 8)), latent=(80, 8))
