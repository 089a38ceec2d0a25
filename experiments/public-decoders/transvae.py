# A transformer VAE of molecules: oriondollar/TransVAE, transvae/trans_models.py, class Decoder, of width 128 with 4
# heads and 3 layers. A code of 128 becomes the memory by transposed convolutions; SMILES of 126 characters out of 28
# are a fixed input. Its layers are PyTorch's nn.TransformerDecoder, which are the same but for their names, with
# is_causal.
import math

import torch
from torch import nn

from common import vary, write


class Decoder(nn.Module):
    def __init__(self, size=128, latent=128, heads=4, layers=3, characters=28, length=126, channels=(64, 96)):
        super().__init__()
        self.size = size
        self.channels = channels
        self.embed = nn.Embedding(characters, size)
        position = torch.arange(length)[:, None] * torch.exp(torch.arange(0, size, 2) * -(math.log(10000) / size))
        self.register_buffer("pe", torch.stack([position.sin(), position.cos()], -1).view(1, length, size))
        self.linear = nn.Linear(latent, channels[0] * 9)
        self.deconv = nn.Sequential(
            nn.ConvTranspose1d(*channels, 11, stride=3), nn.ReLU(), nn.ConvTranspose1d(channels[1], size, 11, stride=3),
            nn.ReLU(), nn.ConvTranspose1d(size, size, 8), nn.ReLU(),
        )
        layer = nn.TransformerDecoderLayer(size, heads, 4 * size, batch_first=True, norm_first=True)
        self.layers = nn.TransformerDecoder(layer, layers, nn.LayerNorm(size))
        self.generator = nn.Linear(size, characters - 1)
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(length))

    def forward(self, z, smiles):
        memory = self.deconv(torch.relu(self.linear(z)).view(-1, self.channels[0], 9)).permute(0, 2, 1)
        x = self.embed(smiles) * math.sqrt(self.size) + self.pe
        x = self.layers(x, memory, tgt_mask=self.mask, tgt_is_causal=True)
        return self.generator(x)


if __name__ == "__main__":
    torch.manual_seed(0)
    smiles = torch.randint(28, (4, 126))
    write("transvae", vary(Decoder(), torch.randn(4, 128), smiles), latent=128, fixed={"smiles": smiles})
