# 3D-GAN, Wu et al. (2016), as its best known port has it: xchhuang/simple-pytorch-3dgan, model.py, class net_G, for
# shapes of 64 x 64 x 64 voxels.
import torch
from torch import nn

from common import write


class Generator(nn.Module):
    def __init__(self, latent=200, channels=(256, 128, 64, 32)):
        super().__init__()
        layers = []
        before = latent
        for index, after in enumerate(channels):
            layers += [
                nn.ConvTranspose3d(before, after, 4, 2 if index else 1, 1 if index else 0, bias=False),
                nn.BatchNorm3d(after), nn.ReLU(),
            ]
            before = after
        self.layers = nn.Sequential(*layers, nn.ConvTranspose3d(before, 1, 4, 2, 1), nn.Sigmoid())

    def forward(self, z):
        return self.layers(z.view(-1, z.shape[1], 1, 1, 1)).view(-1, 64, 64, 64)


if __name__ == "__main__":
    torch.manual_seed(0)
    write("gan3d", Generator(), latent=200)
