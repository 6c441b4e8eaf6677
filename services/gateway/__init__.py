"""The gateway: untrusted clients on one side, thinkers on the other, the clock of the units between them."""
