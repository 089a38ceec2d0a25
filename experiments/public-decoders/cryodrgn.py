# cryoDRGN: zhonge/cryodrgn, cryodrgn/models.py, class FTPositionalDecoder with Gaussian features and ResidLinearMLP
# of three layers of 1,024: a volume's Fourier coefficients, as its Hartley transform, at points of reciprocal space,
# for a code of 8.
import torch
from torch import nn
from torch.nn import functional as F

from common import vary, write


class ResidLinear(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.linear = nn.Linear(size, size)

    def forward(self, x):
        return self.linear(x) + x


class Decoder(nn.Module):
    def __init__(self, latent=8, side=128, hidden=1024, layers=3, sigma=0.5):
        super().__init__()
        features = side // 2
        self.register_buffer("rand_freqs", torch.randn(3 * features, 3) * sigma * features)
        parts = [nn.Linear(6 * features + latent, hidden), nn.ReLU()]
        for _ in range(layers):
            parts += [ResidLinear(hidden), nn.ReLU()]
        self.main = nn.Sequential(*parts, nn.Linear(hidden, 2))

    def forward(self, z, k):
        features = (k.unsqueeze(-2) * self.rand_freqs).sum(-1)
        features = torch.cat([torch.sin(features), torch.cos(features)], -1)
        features = features.unsqueeze(0).expand(z.shape[0], -1, -1)
        codes = z.unsqueeze(1).expand(-1, k.shape[0], -1)
        out = self.main(torch.cat([features, codes], -1))
        # A Hartley transform is the difference of the real and the imaginary part.
        return out[..., :1] - out[..., 1:]


if __name__ == "__main__":
    torch.manual_seed(0)
    points = (torch.rand(1000, 3) - 0.5) * 0.5
    write("cryodrgn", vary(Decoder(), torch.randn(64, 8), points[:64]), latent=8, points={"k": points})
