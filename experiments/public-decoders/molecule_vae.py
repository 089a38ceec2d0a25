# The decoder of Gómez-Bombarelli's molecule VAE in its best known form: maxhodak/keras-molecules, molecules/model.py,
# class MoleculeVAE: _buildDecoder. A dense layer, repeated for 120 characters, three GRUs of 501, 35 characters.
import torch
from torch import nn

from common import vary, write


class Decoder(nn.Module):
    def __init__(self, latent=292, length=120, characters=35, hidden=501):
        super().__init__()
        self.length = length
        self.latent_input = nn.Linear(latent, latent)
        self.gru = nn.GRU(latent, hidden, num_layers=3, batch_first=True)
        self.decoded_mean = nn.Linear(hidden, characters)

    def forward(self, z):
        h = torch.relu(self.latent_input(z)).unsqueeze(1).expand(-1, self.length, -1)
        h, _ = self.gru(h)
        return torch.softmax(self.decoded_mean(h), dim=-1)


torch.manual_seed(0)
write("molecule_vae", vary(Decoder(), torch.randn(8, 292)), latent=292)
