"""The model: one block-causal Transformer over user tokens, agent text and agent latents, and its causal codecs."""
