"""Pictures of the people of a conversation: their movement (`curves.py`) drawn off screen with OpenGL."""
