"""The engine: one unit in, one unit out. No asyncio, no wire, no environment: what it needs is passed in."""
