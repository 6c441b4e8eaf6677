"""Who takes part in a conversation as its agent: the model, the script's own agent, and two that know nothing."""
