"""Process plumbing: clock, settings, logs, lifecycle, health."""
