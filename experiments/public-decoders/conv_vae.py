# The decoder of AntixK/PyTorch-VAE, models/vanilla_vae.py, class VanillaVAE: decode(), for 3 x 64 x 64 pixels.
import torch
from torch import nn

from common import vary, write


class Decoder(nn.Module):
    def __init__(self, latent=128, channels=(512, 256, 128, 64, 32)):
        super().__init__()
        self.decoder_input = nn.Linear(latent, channels[0] * 4)
        self.decoder = nn.Sequential(*(self.block(a, b) for a, b in zip(channels, channels[1:])))
        last = channels[-1]
        self.final_layer = nn.Sequential(
            nn.ConvTranspose2d(last, last, 3, stride=2, padding=1, output_padding=1),
            nn.BatchNorm2d(last),
            nn.LeakyReLU(),
            nn.Conv2d(last, 3, 3, padding=1),
            nn.Tanh(),
        )

    @staticmethod
    def block(before, after):
        return nn.Sequential(
            nn.ConvTranspose2d(before, after, 3, stride=2, padding=1, output_padding=1),
            nn.BatchNorm2d(after),
            nn.LeakyReLU(),
        )

    def forward(self, z):
        return self.final_layer(self.decoder(self.decoder_input(z).view(-1, 512, 2, 2)))


torch.manual_seed(0)
write("conv_vae", vary(Decoder(), torch.randn(32, 128)), latent=128)
