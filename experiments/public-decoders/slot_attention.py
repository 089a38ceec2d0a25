# The decoder of Slot Attention: google-research/slot_attention, model.py, SlotAttentionAutoEncoder, for 128 x 128
# pixels of CLEVR. z is 7 slots of 64. Each is spread over 8 x 8 pixels, all go into the batch and through one stack
# of transposed convolutions; then the slots' pictures are summed by a softmax of their masks.
import torch
from torch import nn

from common import vary, write


class Decoder(nn.Module):
    def __init__(self, slots=7, size=64, side=8):
        super().__init__()
        self.slots, self.size, self.side = slots, size, side
        steps = torch.linspace(0, 1, side)
        y, x = torch.meshgrid(steps, steps, indexing="ij")
        self.register_buffer("grid", torch.stack([y, x, 1 - y, 1 - x], -1)[None])
        self.position = nn.Linear(4, size)
        layers = []
        for _ in range(4):
            layers += [nn.ConvTranspose2d(size, size, 5, stride=2, padding=2, output_padding=1), nn.ReLU()]
        layers += [nn.ConvTranspose2d(size, size, 5, padding=2), nn.ReLU(), nn.ConvTranspose2d(size, 4, 3, padding=1)]
        self.decoder_cnn = nn.Sequential(*layers)

    def forward(self, z):
        x = z.reshape(-1, 1, 1, self.size).repeat(1, self.side, self.side, 1)
        x = self.decoder_cnn((x + self.position(self.grid)).permute(0, 3, 1, 2))
        x = x.view(z.shape[0], self.slots, 4, x.shape[2], x.shape[3])
        pictures, masks = x.split([3, 1], dim=2)
        return (pictures * torch.softmax(masks, dim=1)).sum(dim=1)


if __name__ == "__main__":
    torch.manual_seed(0)
    write("slot_attention", vary(Decoder(), torch.randn(2, 7, 64)), latent=(7, 64))
