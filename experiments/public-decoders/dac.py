# The decoder of the Descript audio codec: descriptinc/descript-audio-codec, dac/model/dac.py, class Decoder, for 44
# kHz, with Snake activations, weight norm taken off. z is what the quantiser hands it: 1,024 channels of 4 frames,
# 2,048 samples.
import torch
from torch import nn

from common import vary, write


class Snake1d(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.alpha = nn.Parameter(torch.rand(1, channels, 1) + 0.5)

    def forward(self, x):
        shape = x.shape
        x = x.reshape(shape[0], shape[1], -1)
        x = x + (self.alpha + 1e-9).reciprocal() * torch.sin(self.alpha * x).pow(2)
        return x.reshape(shape)


class ResidualUnit(nn.Module):
    def __init__(self, size, dilation):
        super().__init__()
        self.block = nn.Sequential(
            Snake1d(size), nn.Conv1d(size, size, 7, dilation=dilation, padding=3 * dilation),
            Snake1d(size), nn.Conv1d(size, size, 1),
        )

    def forward(self, x):
        return x + self.block(x)


class DecoderBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.block = nn.Sequential(
            Snake1d(inputs), nn.ConvTranspose1d(inputs, outputs, 2 * stride, stride, padding=(stride + 1) // 2),
            ResidualUnit(outputs, 1), ResidualUnit(outputs, 3), ResidualUnit(outputs, 9),
        )

    def forward(self, x):
        return self.block(x)


class Decoder(nn.Module):
    def __init__(self, latent=1024, channels=1536, rates=(8, 8, 4, 2)):
        super().__init__()
        layers = [nn.Conv1d(latent, channels, 7, padding=3)]
        for index, rate in enumerate(rates):
            layers.append(DecoderBlock(channels // 2**index, channels // 2 ** (index + 1), rate))
        last = channels // 2 ** len(rates)
        self.model = nn.Sequential(*layers, Snake1d(last), nn.Conv1d(last, 1, 7, padding=3), nn.Tanh())

    def forward(self, z):
        return self.model(z)


if __name__ == "__main__":
    torch.manual_seed(0)
    write("dac", vary(Decoder(), torch.randn(2, 1024, 4)), latent=(1024, 4))
