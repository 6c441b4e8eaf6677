"""Every voice of a conversation: text in, speech with the times of its words and phones out."""
