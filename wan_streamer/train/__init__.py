"""Training: the codecs (recipes, losses, one trainer), their data, and `wan-streamer codec`."""
