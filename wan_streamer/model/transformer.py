"""The backbone: a Qwen3-shaped decoder. How tokens attend (whole sequence, cache, group of ranks) is passed in.

Shape letters: B batch, T tokens, D width, H heads, K key-value heads, S head size, L layers.
"""

from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from wan_streamer.model.config import BackboneConfig
from wan_streamer.model.rope import Rotation, turn

# Shift, scale and gate of the attention, then of the MLP.
MODULATIONS = 6


class Attend(Protocol):
    """Attention of one pass: remembers the keys and values where it must, and mixes the values."""

    def __call__(self, layer: int, q_BTHS: Tensor, k_BTKS: Tensor, v_BTKS: Tensor) -> Tensor:
        """Returns the mixed values [B, T, H, S]. Queries and keys come with RoPE applied."""
        ...


class Modulation(Protocol):
    """Modulation by layer: a tensor, or something that makes it as it is needed."""

    def __getitem__(self, layer: int, /) -> Tensor:
        """[6, B or 1, T or 1, D]."""
        ...


class Attention(nn.Module):
    """Grouped-query attention with RMSNorm on queries and keys (Qwen3, arXiv 2505.09388)."""

    def __init__(self, config: BackboneConfig) -> None:
        super().__init__()
        self.config = config
        heads, kv_heads, size = config.head_count, config.kv_head_count, config.head_size
        self.qkv = nn.Linear(config.width, (heads + 2 * kv_heads) * size, bias=False)
        self.out = nn.Linear(heads * size, config.width, bias=False)
        self.q_norm = nn.RMSNorm(size, eps=config.norm_epsilon)
        self.k_norm = nn.RMSNorm(size, eps=config.norm_epsilon)

    def forward(self, x_BTD: Tensor, rotation: Rotation, attend: Attend, layer: int) -> Tensor:
        c = self.config
        qkv = self.qkv(x_BTD).unflatten(-1, (-1, c.head_size))
        q, k, v = qkv.split([c.head_count, c.kv_head_count, c.kv_head_count], dim=2)
        q, k = turn(self.q_norm(q), rotation), turn(self.k_norm(k), rotation)
        return self.out(attend(layer, q, k, v).flatten(2))


class Mlp(nn.Module):
    """SwiGLU."""

    def __init__(self, config: BackboneConfig) -> None:
        super().__init__()
        self.gate_up = nn.Linear(config.width, 2 * config.mlp_width, bias=False)
        self.down = nn.Linear(config.mlp_width, config.width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        gate, up = self.gate_up(x).chunk(2, dim=-1)
        return self.down(F.silu(gate) * up)


class Block(nn.Module):
    """Attention and MLP, each modulated by the noise level (adaLN-single, PixArt-alpha, arXiv 2310.00426)."""

    def __init__(self, config: BackboneConfig) -> None:
        super().__init__()
        self.attention_norm = nn.RMSNorm(config.width, eps=config.norm_epsilon)
        self.attention = Attention(config)
        self.mlp_norm = nn.RMSNorm(config.width, eps=config.norm_epsilon)
        self.mlp = Mlp(config)

    def forward(self, x: Tensor, rotation: Rotation, modulation: Tensor, attend: Attend, layer: int) -> Tensor:
        shift_a, scale_a, gate_a, shift_m, scale_m, gate_m = modulation.unbind(0)
        h = torch.addcmul(shift_a, self.attention_norm(x), 1 + scale_a)
        x = torch.addcmul(x, self.attention(h, rotation, attend, layer), 1 + gate_a)
        h = torch.addcmul(shift_m, self.mlp_norm(x), 1 + scale_m)
        return torch.addcmul(x, self.mlp(h), 1 + gate_m)


class Transformer(nn.Module):
    """The stack of blocks and the final norm."""

    def __init__(self, config: BackboneConfig) -> None:
        super().__init__()
        self.config = config
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layer_count))
        self.norm = nn.RMSNorm(config.width, eps=config.norm_epsilon)
        # Training keeps each block's input only and computes the rest twice (arXiv 1604.06174).
        self.checkpointing = False

    def forward(self, x_BTD: Tensor, rotation: Rotation, modulation: Modulation, attend: Attend) -> Tensor:
        """Contexts of the tokens, [B, T, D].

        Args:
            x_BTD: embedded tokens.
            rotation: RoPE of the tokens.
            modulation: [L, 6, B or 1, T or 1, D], zeros for tokens that have no noise level; or what gives a layer's.
            attend: attention of this pass.
        """
        for layer, block in enumerate(self.blocks):
            if self.checkpointing:
                x_BTD = checkpoint(block, x_BTD, rotation, modulation[layer], attend, layer, use_reentrant=False)
            else:
                x_BTD = block(x_BTD, rotation, modulation[layer], attend, layer)
        return self.norm(x_BTD)
