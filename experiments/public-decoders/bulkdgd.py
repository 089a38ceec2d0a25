# Center-for-Health-Data-Science/bulkDGD, bulkDGD/core/decoder.py, class Decoder, with the published sizes: codes of
# 50, hidden layers of 500 and 8,000, and the output module of a negative binomial with a dispersion for each of
# 16,883 genes. Its means, before they are scaled by the sample's own mean count.
import torch
from torch import nn

from common import vary, write


class OutputModuleNBFeatureDispersion(nn.Module):
    def __init__(self, inputs, genes):
        super().__init__()
        self.log_r = nn.Parameter(torch.full((1, genes), 2.0))
        self.layer = nn.Linear(inputs, genes)

    def forward(self, x):
        return nn.functional.softplus(self.layer(x))


class Decoder(nn.Module):
    def __init__(self, latent=50, hidden=(500, 8000), genes=16883):
        super().__init__()
        self.main = nn.ModuleList(
            [nn.Linear(latent, hidden[0]), nn.ReLU(True), nn.Linear(*hidden), nn.ReLU(True)]
        )
        self.nb = OutputModuleNBFeatureDispersion(hidden[1], genes)

    def forward(self, z):
        for layer in self.main:
            z = layer(z)
        return self.nb(z)


torch.manual_seed(0)
write("bulkdgd", vary(Decoder(), torch.randn(64, 50)), latent=50)
