"""Stage 3: a student of few solver steps that learns from its own conversations what the teacher makes of them."""
