"""What is measured: each a function of talks and the clocks of their conversations."""
