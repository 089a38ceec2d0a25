# MusicVAE: magenta/magenta, models/music_vae, configuration cat-mel_2bar_big, class CategoricalLstmDecoder: 512
# numbers set the states of three LSTMs of 2,048 and come in at each of 32 steps, beside the note before it, one of
# 90.
import torch
from torch import nn
from torch.nn import functional as F

from common import vary, write


class CategoricalLstmDecoder(nn.Module):
    def __init__(self, latent=512, notes=90, hidden=2048, layers=3):
        super().__init__()
        self.layers = layers
        self.initial = nn.Linear(latent, 2 * layers * hidden)
        self.lstm = nn.LSTM(notes + latent, hidden, num_layers=layers, batch_first=True)
        self.output_projection = nn.Linear(hidden, notes)

    def forward(self, z, before):
        states = torch.tanh(self.initial(z)).reshape(z.shape[0], 2, self.layers, -1).permute(1, 2, 0, 3)
        x = torch.cat([before, z.unsqueeze(1).expand(-1, before.shape[1], -1)], dim=-1)
        x, _ = self.lstm(x, (states[0].contiguous(), states[1].contiguous()))
        return self.output_projection(x)


torch.manual_seed(0)
before = F.one_hot(torch.randint(0, 90, (4, 32)), 90).float()
write("musicvae", vary(CategoricalLstmDecoder(), torch.randn(4, 512), before), latent=512, fixed={"before": before})
