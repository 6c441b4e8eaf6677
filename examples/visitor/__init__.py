"""The recipe behind examples/visitor.mp4: a synthetic visitor, voice first, then face, then film."""
