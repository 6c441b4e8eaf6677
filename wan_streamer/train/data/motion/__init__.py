"""From a conversation on the clock to how its people move: curves of lips, eyes, head, body and hands."""
