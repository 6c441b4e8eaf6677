"""From a timeline to what is heard: the agent's voice as it is made, and what the visitors' microphone takes in."""
