"""The data factory: scripts of conversations, what happens in them on one clock, and what they look and sound like."""
