# ConSinGAN: tohinz/ConSinGAN, models.py, class GrowingGenerator, for one picture: 6 stages of 3 convolutions, 64
# channels. Between stages features grow by a ratio that is no integer, bicubically with aligned corners. z is the
# noise at the coarsest stage; that of the others is 0, and the largest stage has 125 x 94 pixels, published up to
# 250.
import torch
from torch import nn
from torch.nn import functional as F

from common import vary, write

SIZES = ((19, 25), (23, 30), (31, 41), (43, 57), (62, 83), (94, 125))


class ConvBlock(nn.Module):
    def __init__(self, inputs, outputs, padding):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=padding)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x):
        return F.leaky_relu(self.norm(self.conv(x)), 0.05)


def upsample(x, size):
    return F.interpolate(x, size=size, mode="bicubic", align_corners=True)


class GrowingGenerator(nn.Module):
    def __init__(self, channels=64, layers=3, sizes=SIZES):
        super().__init__()
        self.head = ConvBlock(3, channels, 1)
        blocks = lambda: nn.Sequential(*(ConvBlock(channels, channels, 0) for _ in range(layers)))  # noqa: E731
        self.body = nn.ModuleList(blocks() for _ in sizes)
        self.tail = nn.Conv2d(channels, 3, 3, padding=1)
        self.padding = layers
        self.sizes = sizes

    def forward(self, z):
        pad = lambda size: (size[0] + 2 * self.padding, size[1] + 2 * self.padding)  # noqa: E731
        x = self.body[0](upsample(self.head(z), pad(self.sizes[0])))
        for size, body in zip(self.sizes[1:], self.body[1:]):
            x = upsample(x, size)
            x = x + body(upsample(x, pad(size)))
        return torch.tanh(self.tail(x))


if __name__ == "__main__":
    torch.manual_seed(0)
    write("consingan", vary(GrowingGenerator(), torch.randn(2, 3, *SIZES[0])), latent=(3, *SIZES[0]))
