"""Snapshots of sessions: what migration and replay stand on. The format is docs/snapshots.md."""
