"""An agent of one's own: `wan-streamer avatar new` and `avatar train` (docs/your-own-avatar.md)."""
