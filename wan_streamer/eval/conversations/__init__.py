"""Held-out conversations through the engine, and what the judges say of the agent's part in them."""
