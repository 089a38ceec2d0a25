# The decoder of a masked autoencoder: facebookresearch/mae, models_mae.py, mae_vit_base_patch16: 8 blocks of 512, 16
# heads, 196 patches of 16 x 16. z is what the encoder makes of the 49 patches that are not masked, and its class
# token; which patches these are is part of the file. The patches' order is restored by indexing, where the source has
# torch.gather.
import torch
from torch import nn

from common import vary, write


class Attention(nn.Module):
    def __init__(self, size, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(size, size * 3)
        self.proj = nn.Linear(size, size)

    def forward(self, x):
        batch, count, size = x.shape
        qkv = self.qkv(x).reshape(batch, count, 3, self.heads, size // self.heads).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind(0)
        attention = (q @ k.transpose(-2, -1) * (size // self.heads) ** -0.5).softmax(dim=-1)
        return self.proj((attention @ v).transpose(1, 2).reshape(batch, count, size))


class Block(nn.Module):
    def __init__(self, size, heads):
        super().__init__()
        self.norm1 = nn.LayerNorm(size, eps=1e-6)
        self.attn = Attention(size, heads)
        self.norm2 = nn.LayerNorm(size, eps=1e-6)
        self.mlp = nn.Sequential(nn.Linear(size, size * 4), nn.GELU(), nn.Linear(size * 4, size))

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


def sincos(size, side):
    """Positions of the patches, and zeros for the class token."""
    frequencies = 1 / 10000 ** (torch.arange(size // 4) / (size / 4))
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    angles = [axis.flatten()[:, None] * frequencies for axis in (x, y)]
    parts = [function(angle) for angle in angles for function in (torch.sin, torch.cos)]
    return torch.cat([torch.zeros(1, size), torch.cat(parts, 1)])


class Decoder(nn.Module):
    def __init__(self, side=14, patch=16, encoder=768, size=512, depth=8, heads=16, visible=49):
        super().__init__()
        self.side, self.patch, self.visible = side, patch, visible
        self.decoder_embed = nn.Linear(encoder, size)
        self.mask_token = nn.Parameter(torch.randn(1, 1, size) * 0.02)
        self.register_buffer("decoder_pos_embed", sincos(size, side)[None])
        self.register_buffer("ids_restore", torch.randperm(side * side))
        self.decoder_blocks = nn.ModuleList(Block(size, heads) for _ in range(depth))
        self.decoder_norm = nn.LayerNorm(size)
        self.decoder_pred = nn.Linear(size, patch * patch * 3)

    def forward(self, z):
        x = self.decoder_embed(z)
        masks = self.mask_token.repeat(x.shape[0], self.side**2 - self.visible, 1)
        patches = torch.cat([x[:, 1:, :], masks], dim=1)[:, self.ids_restore]
        x = torch.cat([x[:, :1, :], patches], dim=1) + self.decoder_pos_embed
        for block in self.decoder_blocks:
            x = block(x)
        return self.unpatchify(self.decoder_pred(self.decoder_norm(x))[:, 1:, :])

    def unpatchify(self, x):
        x = x.reshape(x.shape[0], self.side, self.side, self.patch, self.patch, 3)
        x = torch.einsum("nhwpqc->nchpwq", x)
        return x.reshape(x.shape[0], 3, self.side * self.patch, self.side * self.patch)


if __name__ == "__main__":
    torch.manual_seed(0)
    write("mae", vary(Decoder(), torch.randn(2, 50, 768)), latent=(50, 768))
