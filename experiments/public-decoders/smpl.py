# SMPL: vchoutas/smplx, lbs.py, lbs, with 6,890 vertices and 24 joints. z is 10 numbers of shape and 72 of pose. Its
# template and bases are random, of the sizes that bodies have, since the model's own may not be shared; its tree of
# joints is SMPL's.
import torch
from torch import nn

from common import write

PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)


def batch_rodrigues(vectors):
    """Rotations [N, 3, 3] of axes times angles [N, 3]."""
    angle = torch.norm(vectors + 1e-8, dim=1, keepdim=True)
    x, y, z = torch.split(vectors / angle, 1, dim=1)
    cos = torch.cos(angle).unsqueeze(1)
    sin = torch.sin(angle).unsqueeze(1)
    zeros = torch.zeros_like(x)
    k = torch.cat([zeros, -z, y, z, zeros, -x, -y, x, zeros], dim=1).view(-1, 3, 3)
    return torch.eye(3, dtype=vectors.dtype).unsqueeze(0) + sin * k + (1 - cos) * torch.bmm(k, k)


class SMPL(nn.Module):
    def __init__(self, vertices=6890, betas=10):
        super().__init__()
        joints = len(PARENTS)
        softmax = lambda *shape: torch.softmax(4 * torch.randn(*shape), dim=1)  # noqa: E731
        self.betas = betas
        self.register_buffer("v_template", torch.randn(vertices, 3) * 0.4)
        self.register_buffer("shapedirs", torch.randn(vertices, 3, betas) * 0.02)
        self.register_buffer("posedirs", torch.randn((joints - 1) * 9, vertices * 3) * 0.003)
        self.register_buffer("J_regressor", softmax(joints, vertices))
        self.register_buffer("lbs_weights", softmax(vertices, joints))

    def forward(self, z):
        batch = z.shape[0]
        betas, pose = z[:, : self.betas], z[:, self.betas :]
        shaped = self.v_template + torch.einsum("bl,mkl->bmk", betas, self.shapedirs)
        joints = torch.einsum("bik,ji->bjk", shaped, self.J_regressor)
        rotations = batch_rodrigues(pose.reshape(-1, 3)).view(batch, -1, 3, 3)
        feature = (rotations[:, 1:] - torch.eye(3, dtype=z.dtype)).reshape(batch, -1)
        posed = shaped + torch.matmul(feature, self.posedirs).view(batch, -1, 3)
        transforms = self.chain(rotations, joints).view(batch, -1, 16)
        transforms = torch.matmul(self.lbs_weights.unsqueeze(0).expand(batch, -1, -1), transforms).view(batch, -1, 4, 4)
        ones = torch.ones(batch, posed.shape[1], 1, dtype=z.dtype)
        homogeneous = torch.matmul(transforms, torch.cat([posed, ones], dim=2).unsqueeze(-1))
        return homogeneous[:, :, :3, 0]

    def chain(self, rotations, joints):
        """Each joint's transform [batch, joints, 4, 4] against its place at rest, along the tree."""
        batch = joints.shape[0]
        joints = joints.unsqueeze(-1)
        relative = torch.cat([joints[:, :1], joints[:, 1:] - joints[:, PARENTS[1:]]], dim=1)
        last = torch.tensor([0.0, 0, 0, 1], dtype=joints.dtype).view(1, 1, 1, 4).expand(batch, len(PARENTS), 1, 4)
        local = torch.cat([torch.cat([rotations, relative], dim=3), last], dim=2)
        world = [local[:, 0]]
        for joint, parent in enumerate(PARENTS[1:], 1):
            world.append(torch.matmul(world[parent], local[:, joint]))
        world = torch.stack(world, dim=1)
        rest = torch.matmul(world[:, :, :, :3], joints)
        return torch.cat([world[:, :, :, :3], world[:, :, :, 3:] - rest], dim=3)


if __name__ == "__main__":
    torch.manual_seed(0)
    write("smpl", SMPL(), latent=82)
