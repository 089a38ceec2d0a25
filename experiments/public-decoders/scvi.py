# scverse/scvi-tools, scvi/nn/_base_components.py, class DecoderSCVI: the mean of a cell's counts, of 4,000 genes. The
# cell's library size (its logarithm) and its batch, one-hot of 10, are given with it. scvi_index has the batch as a
# number, as scvi-tools takes it, which torch.nn.functional.one_hot spreads.
import torch
from torch import nn
from torch.nn import functional as F

from common import vary, write

BATCHES = 10


class DecoderSCVI(nn.Module):
    def __init__(self, latent=10, genes=4000, hidden=128):
        super().__init__()
        self.px_decoder = nn.Sequential(
            nn.Linear(latent + BATCHES, hidden), nn.BatchNorm1d(hidden, momentum=0.01, eps=0.001), nn.ReLU(),
            nn.Dropout(p=0.1),
        )
        self.px_scale_decoder = nn.Sequential(nn.Linear(hidden, genes), nn.Softmax(dim=-1))

    def forward(self, z, library, batch):
        px = self.px_decoder(torch.cat([z, batch], dim=-1))
        return torch.exp(library) * self.px_scale_decoder(px)


class ByIndex(nn.Module):
    def __init__(self, decoder):
        super().__init__()
        self.decoder = decoder

    def forward(self, z, library, batch_index):
        return self.decoder(z, library, F.one_hot(batch_index.squeeze(-1), BATCHES).float())


torch.manual_seed(0)
index = torch.arange(BATCHES)
batch = F.one_hot(index, BATCHES).float()
library = torch.randn(BATCHES, 1) * 0.3 + 8
decoder = vary(DecoderSCVI(), torch.randn(200, 10), library.repeat(20, 1), batch.repeat(20, 1))
write("scvi", decoder, latent=10, fixed={"library": library, "batch": batch})
write("scvi_index", ByIndex(decoder), latent=10, fixed={"library": library, "batch_index": index.view(-1, 1)})
