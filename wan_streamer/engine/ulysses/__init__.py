"""A performer on several ranks: Ulysses sequence parallelism (DeepSpeed-Ulysses, arXiv 2309.14509)."""
