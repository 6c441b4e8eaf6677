"""The one attention rule of training, serving and the tests (docs/architecture.md, "What a token may attend to")."""

from dataclasses import dataclass

import torch
from torch import Tensor

from wan_streamer.model.config import HistoryConfig
from wan_streamer.model.layout import Kind

# Unit index of a cache slot that holds nothing.
EMPTY = -1
# Noise level of clean tokens; noisy copies in training have levels from 1 up.
CLEAN = 0


@dataclass(frozen=True)
class Tokens:
    """What the rule needs to know of tokens; four int64 tensors that broadcast against each other, [T].

    Attributes:
        unit: unit index, EMPTY where there is no token.
        kind: value of `Kind`.
        index: index among the tokens of this kind in its unit (orders the words).
        level: CLEAN, or the number of the noisy copy that a latent belongs to.
    """

    unit: Tensor
    kind: Tensor
    index: Tensor
    level: Tensor

    @staticmethod
    def clean(unit: Tensor, kind: Tensor, index: Tensor) -> "Tokens":
        """Tokens without noise."""
        return Tokens(unit, kind, index, torch.full_like(unit, CLEAN))


def window_units(history: HistoryConfig, device: torch.device) -> Tensor:
    """How many units back each kind stays visible, int64 [kinds]."""
    windows = (
        history.user_video_units,
        history.user_audio_units,
        history.agent_text_units,
        history.agent_audio_units,
        history.agent_video_units,
    )
    # Filled, not copied: a copy from the host would wait for the GPU.
    return torch.stack([torch.full((), units, device=device) for units in windows])


def may_attend(query: Tokens, key: Tokens, *, lag: int, history: HistoryConfig) -> Tensor:
    """Which keys each query sees, bool [Q, K].

    | query, unit k  | user tokens | agent text               | agent latents (clean)               |
    |----------------|-------------|--------------------------|-------------------------------------|
    | user token     | units <= k  | units < k                | units < k - lag                     |
    | agent text j   | units <= k  | units < k; j' <= j of k  | units < k - lag                     |
    | agent latent   | units <= k  | units <= k               | units < k; all of k, the same level |

    and of these only the first `sink_units` and the window of the key's kind.
    """
    q_unit, q_kind, q_index, q_level = (t[:, None] for t in (query.unit, query.kind, query.index, query.level))
    k_unit, k_kind, k_index, k_level = (t[None, :] for t in (key.unit, key.kind, key.index, key.level))
    query_is_text, query_is_latent = q_kind == Kind.AGENT_TEXT, q_kind > Kind.AGENT_TEXT
    key_is_text, key_is_latent = k_kind == Kind.AGENT_TEXT, k_kind > Kind.AGENT_TEXT
    same, before = k_unit == q_unit, k_unit < q_unit

    sees_user = before | same
    sees_text = before | (same & (query_is_latent | (query_is_text & (k_index <= q_index))))
    clean_past = (k_level == CLEAN) & torch.where(query_is_latent, before, k_unit < q_unit - lag)
    sees_latent = clean_past | (query_is_latent & same & (k_level == q_level))

    allowed = torch.where(key_is_latent, sees_latent, torch.where(key_is_text, sees_text, sees_user))
    windows = window_units(history, k_unit.device)[k_kind]
    remembered = (q_unit - k_unit <= windows) | (k_unit < history.sink_units)
    return allowed & remembered & (k_unit != EMPTY)
