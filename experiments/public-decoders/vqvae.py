# The decoder of sonnet's VQ-VAE example in its PyTorch port: zalandoresearch/pytorch-vq-vae, class Decoder, for
# CIFAR-10. z is the map before it is quantised: 64 channels on 8 x 8.
import torch
from torch import nn
from torch.nn import functional as F

from common import vary, write


class Residual(nn.Module):
    def __init__(self, hidden=128, residual=32):
        super().__init__()
        self._block = nn.Sequential(
            nn.ReLU(True),
            nn.Conv2d(hidden, residual, 3, stride=1, padding=1, bias=False),
            nn.ReLU(True),
            nn.Conv2d(residual, hidden, 1, stride=1, bias=False),
        )

    def forward(self, x):
        return x + self._block(x)


class ResidualStack(nn.Module):
    def __init__(self, layers=2):
        super().__init__()
        self._layers = nn.ModuleList(Residual() for _ in range(layers))

    def forward(self, x):
        for layer in self._layers:
            x = layer(x)
        return F.relu(x)


class Decoder(nn.Module):
    def __init__(self, embedding=64, hidden=128):
        super().__init__()
        self._conv_1 = nn.Conv2d(embedding, hidden, 3, stride=1, padding=1)
        self._residual_stack = ResidualStack()
        self._conv_trans_1 = nn.ConvTranspose2d(hidden, hidden // 2, 4, stride=2, padding=1)
        self._conv_trans_2 = nn.ConvTranspose2d(hidden // 2, 3, 4, stride=2, padding=1)

    def forward(self, z):
        x = self._residual_stack(self._conv_1(z))
        return self._conv_trans_2(F.relu(self._conv_trans_1(x)))


torch.manual_seed(0)
write("vqvae", vary(Decoder(), torch.randn(32, 64, 8, 8)), latent=(64, 8, 8))
