# The decoder of Stable Diffusion 1 and 2's VAE: huggingface/diffusers, AutoencoderKL: post_quant_conv, then class
# Decoder with block_out_channels 128, 256, 512, 512. All channels, on a small map: 4 x 8 x 8 gives 3 x 64 x 64 pixels.
# stable_diffusion_open is without a probe and has all lengths open, as the files vae_decoder/model.onnx that
# huggingface/optimum exports.
import torch
from torch import nn
from torch.nn import functional as F

from common import vary, write, write_as


def norm(channels):
    return nn.GroupNorm(32, channels, eps=1e-6)


class ResnetBlock2D(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.norm1 = norm(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm2 = norm(outputs)
        self.dropout = nn.Dropout(0.0)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.conv_shortcut = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else None

    def forward(self, x):
        hidden = self.conv1(F.silu(self.norm1(x)))
        hidden = self.conv2(self.dropout(F.silu(self.norm2(hidden))))
        if self.conv_shortcut is not None:
            x = self.conv_shortcut(x)
        return (x + hidden) / 1.0


class Attention(nn.Module):
    def __init__(self, channels, heads=1):
        super().__init__()
        self.heads = heads
        self.group_norm = norm(channels)
        self.to_q = nn.Linear(channels, channels)
        self.to_k = nn.Linear(channels, channels)
        self.to_v = nn.Linear(channels, channels)
        self.to_out = nn.ModuleList([nn.Linear(channels, channels), nn.Dropout(0.0)])

    def forward(self, x):
        batch, channels, height, width = x.shape
        hidden = x.view(batch, channels, height * width).transpose(1, 2)
        hidden = self.group_norm(hidden.transpose(1, 2)).transpose(1, 2)
        query, key, value = (
            layer(hidden).view(batch, -1, self.heads, channels // self.heads).transpose(1, 2)
            for layer in (self.to_q, self.to_k, self.to_v)
        )
        hidden = F.scaled_dot_product_attention(query, key, value)
        hidden = hidden.transpose(1, 2).reshape(batch, -1, channels)
        hidden = self.to_out[1](self.to_out[0](hidden))
        return (hidden.transpose(-1, -2).reshape(batch, channels, height, width) + x) / 1.0


class MidBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.attentions = nn.ModuleList([Attention(channels)])
        self.resnets = nn.ModuleList([ResnetBlock2D(channels, channels), ResnetBlock2D(channels, channels)])

    def forward(self, x):
        return self.resnets[1](self.attentions[0](self.resnets[0](x)))


class Upsample2D(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x):
        return self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))


class UpDecoderBlock2D(nn.Module):
    def __init__(self, inputs, outputs, upsample):
        super().__init__()
        self.resnets = nn.ModuleList(ResnetBlock2D(inputs if i == 0 else outputs, outputs) for i in range(3))
        self.upsamplers = nn.ModuleList([Upsample2D(outputs)] if upsample else [])

    def forward(self, x):
        for layer in [*self.resnets, *self.upsamplers]:
            x = layer(x)
        return x


class Decoder(nn.Module):
    def __init__(self, channels=(512, 512, 256, 128)):
        super().__init__()
        self.post_quant_conv = nn.Conv2d(4, 4, 1)
        self.conv_in = nn.Conv2d(4, channels[0], 3, padding=1)
        self.mid_block = MidBlock(channels[0])
        before = (channels[0],) + channels
        self.up_blocks = nn.ModuleList(
            UpDecoderBlock2D(before[i], channels[i], upsample=i < len(channels) - 1) for i in range(len(channels))
        )
        self.conv_norm_out = norm(channels[-1])
        self.conv_act = nn.SiLU()
        self.conv_out = nn.Conv2d(channels[-1], 3, 3, padding=1)

    def forward(self, z):
        x = self.mid_block(self.conv_in(self.post_quant_conv(z)))
        for block in self.up_blocks:
            x = block(x)
        return self.conv_out(self.conv_act(self.conv_norm_out(x)))


torch.manual_seed(0)
decoder = vary(Decoder(), torch.randn(4, 4, 8, 8))
write("stable_diffusion", decoder, latent=(4, 8, 8))
names = {0: "batch_size", 1: "num_channels_latent", 2: "height_latent", 3: "width_latent"}
write_as(
    "stable_diffusion_open",
    decoder,
    torch.randn(2, 4, 8, 8),
    latent="latent_sample",
    output="sample",
    axes={"latent_sample": names, "sample": {0: "batch_size", 1: "num_channels", 2: "height", 3: "width"}},
)
