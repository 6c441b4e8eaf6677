"""Each judge against ground truth: what it says about cases whose answer is known."""
