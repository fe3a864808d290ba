"""Stores what scripts print: batches, each chunk once, acknowledged only when committed."""
