"""The losses of the Transformer: words by cross-entropy, sound and pictures by flow matching (arXiv 2210.02747)."""

from torch import Tensor, nn
from torch.nn import functional as F

from wan_streamer.engine.unit_passes import FLOP_PER_PRODUCT, attention_products, block_products
from wan_streamer.model.layout import LATENT_KINDS, Kind
from wan_streamer.model.user_encoder import EarEncoder
from wan_streamer.model.vocabulary import vocabulary_named
from wan_streamer.model.wan_streamer import WanStreamer
from wan_streamer.train.model_recipe import ModelRecipe
from wan_streamer.train.sequence import Batch, TrainingForward, velocity_targets
from wan_streamer.train.sharding import total_norm
from wan_streamer.train.spelling import answer_loss

_ABSENT = -100


class Learner(nn.Module):
    """The training forward and its losses."""

    def __init__(self, model: WanStreamer, recipe: ModelRecipe) -> None:
        super().__init__()
        self.forward_pass = TrainingForward(model)
        self._vocabulary = vocabulary_named(recipe.model.vocabulary)
        self._weights = {"text": recipe.text_weight, "audio": recipe.audio_weight, "video": recipe.video_weight}

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Weighted losses by modality; those that the batch has nothing of are not there."""
        if batch.answers is not None and batch.known_answers is not None:
            return self._read(batch, batch.answers, batch.known_answers)
        predictions = self.forward_pass(batch)
        losses: dict[str, Tensor] = {}
        if predictions.text_logits is not None:
            targets = batch.words.masked_fill(batch.words < 0, _ABSENT)
            if batch.learns_words is not None:
                targets = targets.masked_fill(~batch.learns_words[..., None], _ABSENT)
            nats = F.cross_entropy(predictions.text_logits.float().flatten(0, 2), targets.flatten(), reduction="sum")
            # A unit, not a token: the mean over processes is then the mean over all.
            losses["text"] = nats / (batch.words.shape[0] * batch.words.shape[1])
        velocities = (predictions.audio_velocity, predictions.video_velocity)
        for name, velocity, target in zip(("audio", "video"), velocities, velocity_targets(batch), strict=True):
            if velocity is not None and target is not None:
                squares = (velocity.float() - target).square()
                if batch.learns_media is not None:
                    learned = batch.learns_media[:, batch.noisy_units]
                    squares = squares * learned.view(*learned.shape, *(1,) * (squares.ndim - 2))
                losses[name] = squares.mean()
        return {name: self._weights[name] * loss for name, loss in losses.items()}

    def _read(self, batch: Batch, answers: Tensor, known: Tensor) -> dict[str, Tensor]:
        encoder = self.forward_pass.model.user_audio
        if not isinstance(encoder, EarEncoder) or batch.heard is None:
            raise ValueError(f"got a task that reads for a {type(encoder).__name__}, expected the pretrained ear")
        log_chances = encoder.reader.tell_apart(encoder.reader(batch.heard), known)
        return {"answers": answer_loss(log_chances, answers, known, self._vocabulary)}


def token_count(model: WanStreamer, batch: Batch) -> int:
    """Tokens of a batch's sequences, noisy copies included; of the ear alone where it reads."""
    if batch.answers is not None and batch.heard is not None:
        return batch.heard[..., 0].numel()
    counts, units = model.layout.counts, batch.words.shape[1]
    there = {
        Kind.USER_VIDEO: batch.seen is not None,
        Kind.USER_AUDIO: batch.heard is not None,
        # The words' places count whether they are filled or not.
        Kind.AGENT_TEXT: True,
        Kind.AGENT_AUDIO: batch.audio is not None,
        Kind.AGENT_VIDEO: batch.video is not None,
    }
    copies = {kind: len(batch.noisy_units) for kind in LATENT_KINDS}
    return batch.words.shape[0] * sum(counts[kind] * (units + copies.get(kind, 0)) for kind in there if there[kind])


def training_tflop(model: WanStreamer, batch: Batch) -> float:
    """Matrix products of the backbone, forward and backward, for a batch: 10^12 floating point operations.

    Three times those of the forward; what checkpointing computes twice counts once (PaLM, arXiv 2204.02311, B).
    """
    if batch.answers is not None:
        return 0.0
    config, windows = model.config.backbone, batch.words.shape[0]
    tokens = token_count(model, batch) / windows
    of_token = block_products(config) + attention_products(config) * tokens
    return 3 * FLOP_PER_PRODUCT * windows * tokens * of_token / 1e12


def gradient_norms(model: WanStreamer) -> dict[str, Tensor]:
    """Norm of the gradient of what belongs to each modality, and of the backbone that all share."""
    groups: dict[str, list[Tensor]] = {}
    for name, parameter in model.named_parameters():
        if parameter.grad is not None:
            groups.setdefault(_modality(name), []).append(parameter.grad)
    return {f"norm_{name}": total_norm(gradients) for name, gradients in groups.items()}


def _modality(name: str) -> str:
    first = name.partition(".")[0]
    if first in ("transformer", "kind_embedding", "tau_mlp", "layer_modulation"):
        return "backbone"
    return {"text_embedding": "text", "text_head": "text"}.get(first, "_".join(first.split("_")[:2]))
