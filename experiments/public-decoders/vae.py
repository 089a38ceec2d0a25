# The decoder of pytorch/examples, vae/main.py, class VAE: decode().
import torch
from torch import nn

from common import vary, write


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc3 = nn.Linear(20, 400)
        self.fc4 = nn.Linear(400, 784)

    def forward(self, z):
        return torch.sigmoid(self.fc4(torch.relu(self.fc3(z))))


torch.manual_seed(0)
write("vae", vary(Decoder(), torch.randn(256, 20)), latent=20)
