# RealNVP, from noise to picture: chrischute/real-nvp, models/real_nvp/, class RealNVP with reverse=True, for
# CIFAR-10: two scales, 64 channels, 8 residual blocks in each coupling. z has as many numbers as the picture.
import torch
from torch import nn
from torch.nn import functional as F

from common import vary, write


class ResidualBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.in_norm = nn.BatchNorm2d(channels)
        self.in_conv = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.out_norm = nn.BatchNorm2d(channels)
        self.out_conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x):
        skip = x
        x = self.in_conv(F.relu(self.in_norm(x)))
        return self.out_conv(F.relu(self.out_norm(x))) + skip


class ResNet(nn.Module):
    def __init__(self, inputs, middle, outputs, blocks):
        super().__init__()
        self.in_norm = nn.BatchNorm2d(inputs)
        self.in_conv = nn.Conv2d(inputs * 2, middle, 3, padding=1)
        self.in_skip = nn.Conv2d(middle, middle, 1)
        self.blocks = nn.ModuleList(ResidualBlock(middle) for _ in range(blocks))
        self.skips = nn.ModuleList(nn.Conv2d(middle, middle, 1) for _ in range(blocks))
        self.out_norm = nn.BatchNorm2d(middle)
        self.out_conv = nn.Conv2d(middle, outputs, 1)

    def forward(self, x):
        x = self.in_norm(x) * 2
        x = self.in_conv(F.relu(torch.cat([x, -x], dim=1)))
        skips = self.in_skip(x)
        for block, skip in zip(self.blocks, self.skips):
            x = block(x)
            skips = skips + skip(x)
        return self.out_conv(F.relu(self.out_norm(skips)))


def checkerboard(height, width, flipped):
    board = (torch.arange(height)[:, None] + torch.arange(width)) % 2
    return (1 - board if flipped else board).view(1, 1, height, width).float()


class Coupling(nn.Module):
    """
    Passes on what is masked; shifts and scales the rest by a network of it. Without a size, half of the channels each.
    """

    def __init__(self, channels, middle, blocks, flipped, size=None):
        super().__init__()
        self.flipped = flipped
        if size:
            self.register_buffer("mask", checkerboard(size, size, flipped))
        else:
            self.mask = None
        half = channels if size else channels // 2
        self.st_net = ResNet(half, middle, 2 * half, blocks)
        self.rescale = nn.Parameter(torch.full((half, 1, 1), 0.5))

    def forward(self, x):
        if self.mask is not None:
            s, t = self.st_net(x * self.mask).chunk(2, dim=1)
            s = self.rescale * torch.tanh(s) * (1 - self.mask)
            return x * s.mul(-1).exp() - t * (1 - self.mask)
        kept, changed = x.chunk(2, dim=1)[:: -1 if self.flipped else 1]
        s, t = self.st_net(kept).chunk(2, dim=1)
        changed = changed * (self.rescale * torch.tanh(s)).mul(-1).exp() - t
        return torch.cat([changed, kept] if self.flipped else [kept, changed], dim=1)


def squeeze(x):
    batch, channels, height, width = x.shape
    x = x.view(batch, channels, height // 2, 2, width // 2, 2).permute(0, 1, 3, 5, 2, 4)
    return x.reshape(batch, channels * 4, height // 2, width // 2)


def unsqueeze(x):
    batch, channels, height, width = x.shape
    x = x.view(batch, channels // 4, 2, 2, height, width).permute(0, 1, 4, 2, 5, 3)
    return x.reshape(batch, channels // 4, height * 2, width * 2)


class RealNVP(nn.Module):
    def __init__(self, channels=3, middle=64, size=32, scales=2, blocks=8):
        super().__init__()
        count = 3 if scales > 1 else 4
        self.in_couplings = nn.ModuleList(
            Coupling(channels, middle, blocks, i % 2 == 1, size) for i in range(count)
        )
        if scales > 1:
            self.out_couplings = nn.ModuleList(
                Coupling(4 * channels, 2 * middle, blocks, i % 2 == 1) for i in range(3)
            )
            self.next_block = RealNVP(2 * channels, 2 * middle, size // 2, scales - 1, blocks)
        # Half of the channels of the four pixels, in RealNVP's own order, go on to the next scale.
        self.register_buffer("order", torch.arange(4 * channels).view(channels, 4)[:, [0, 3, 1, 2]].t().flatten())
        self.register_buffer("back", torch.argsort(self.order))
        self.scales = scales

    def forward(self, z):
        x = z
        if self.scales > 1:
            x, split = squeeze(x)[:, self.order].chunk(2, dim=1)
            x = unsqueeze(torch.cat([self.next_block(x), split], dim=1)[:, self.back])
            x = squeeze(x)
            for coupling in reversed(self.out_couplings):
                x = coupling(x)
            x = unsqueeze(x)
        for coupling in reversed(self.in_couplings):
            x = coupling(x)
        return x


class Picture(nn.Module):
    def __init__(self, flow):
        super().__init__()
        self.flows = flow

    def forward(self, z):
        return torch.sigmoid(self.flows(z))


if __name__ == "__main__":
    torch.manual_seed(0)
    flow = vary(Picture(RealNVP()), torch.randn(16, 3, 32, 32))
    with torch.no_grad():
        for layer in flow.modules():
            if isinstance(layer, ResNet):
                # Each coupling changes a picture a little, as in trained ones.
                for parameter in layer.out_conv.parameters():
                    parameter.mul_(0.2)
    write("realnvp", flow, latent=(3, 32, 32))
