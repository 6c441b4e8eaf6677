"""Training: data, losses and the three stages. Nothing here yet: weights come from a seed."""
