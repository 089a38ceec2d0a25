# A NeRF with codes, as GRAF has it: autonomousvision/graf, nerf-pytorch's class NeRF with 8 layers of 256, a skip at
# layer 4, 10 and 4 frequencies. z is 128 numbers of shape, which join the points, and 128 of appearance, which join
# the directions.
import torch
from torch import nn
from torch.nn import functional as F

from common import vary, write


def embed(x, frequencies):
    parts = [x]
    for power in range(frequencies):
        parts += [torch.sin(x * 2.0**power), torch.cos(x * 2.0**power)]
    return torch.cat(parts, -1)


class NeRF(nn.Module):
    def __init__(self, depth=8, width=256, shape=128, appearance=128, skips=(4,)):
        super().__init__()
        points, views = 63 + shape, 27 + appearance
        self.shape = shape
        self.skips = skips
        self.pts_linears = nn.ModuleList(
            [nn.Linear(points, width)]
            + [nn.Linear(width + (points if i in skips else 0), width) for i in range(depth - 1)]
        )
        self.views_linears = nn.ModuleList([nn.Linear(views + width, width // 2)])
        self.feature_linear = nn.Linear(width, width)
        self.alpha_linear = nn.Linear(width, 1)
        self.rgb_linear = nn.Linear(width // 2, 3)

    def forward(self, z, xyz, directions):
        count = xyz.shape[0]
        shape = z[:, : self.shape].unsqueeze(1).expand(-1, count, -1)
        appearance = z[:, self.shape :].unsqueeze(1).expand(-1, count, -1)
        points = embed(xyz, 10).unsqueeze(0).expand(z.shape[0], -1, -1)
        views = embed(directions, 4).unsqueeze(0).expand(z.shape[0], -1, -1)
        points = torch.cat([points, shape], -1)
        views = torch.cat([views, appearance], -1)
        h = points
        for i, layer in enumerate(self.pts_linears):
            h = F.relu(layer(h))
            if i in self.skips:
                h = torch.cat([points, h], -1)
        alpha = self.alpha_linear(h)
        h = torch.cat([self.feature_linear(h), views], -1)
        for layer in self.views_linears:
            h = F.relu(layer(h))
        return torch.cat([self.rgb_linear(h), alpha], -1)


torch.manual_seed(0)
points = torch.rand(1000, 3) * 2 - 1
directions = F.normalize(torch.randn(1000, 3), dim=-1)
decoder = vary(NeRF(), torch.randn(32, 256), points[:64], directions[:64])
write("nerf", decoder, latent=256, points={"xyz": points, "directions": directions})
