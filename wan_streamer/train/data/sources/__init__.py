"""Where training data comes from: pinned packages in a cache folder, read as clips with text, speaker and licence."""
