"""Conversations on disk: Parquet shards of curves and Opus, and a reader that streams units of them."""
