# CvxNet: tensorflow/graphics, projects/cvxnet/lib/models.py and resnet.py: a code of 256 becomes 50 convexes of 25
# half-spaces each. What is inside of a convex is a smooth maximum (logsumexp) of distances, of the shape the largest
# over its convexes.
import torch
from torch import nn
from torch.nn import functional as F

from common import vary, write


class Decoder(nn.Module):
    def __init__(self, latent=256, hidden=(1024, 1024, 2048), convexes=50, planes=25, sharpness=75.0):
        super().__init__()
        self.convexes, self.planes, self.sharpness = convexes, planes, sharpness
        self.decoder = nn.Sequential(
            nn.Linear(latent, hidden[0]), nn.LeakyReLU(), nn.Linear(hidden[0], hidden[1]), nn.LeakyReLU(),
            nn.Linear(hidden[1], hidden[2]), nn.LeakyReLU(), nn.Linear(hidden[2], convexes * (4 + 4 * planes)),
        )

    def forward(self, z, xyz):
        n, h = self.convexes, self.planes
        out = self.decoder(z)
        smooth, centres, directions, offsets = out.split([n, 3 * n, 3 * n * h, n * h], dim=1)
        smooth = 1 + F.softplus(smooth).view(-1, 1, n, 1) * 20
        directions = F.normalize(directions.reshape(-1, n * h, 3), dim=-1)
        offsets = offsets.reshape(-1, n, h) * 0.05 - 0.3
        centres = centres.reshape(-1, n, 1, 3) * 0.3
        offsets = offsets - (directions.view(-1, n, h, 3) * centres).sum(-1)
        distances = torch.matmul(xyz.unsqueeze(0), directions.transpose(1, 2)).view(z.shape[0], -1, n, h)
        distances = (distances + offsets.unsqueeze(1)) * smooth
        convexes = torch.sigmoid(-self.sharpness / 20 * torch.logsumexp(distances, dim=-1))
        return convexes.amax(dim=-1, keepdim=True)


if __name__ == "__main__":
    torch.manual_seed(0)
    points = torch.rand(1000, 3) - 0.5
    write("cvxnet", vary(Decoder(), torch.randn(64, 256), points[:64]), latent=256, points={"xyz": points})
