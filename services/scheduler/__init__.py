"""Decides when: plans runs, answers claims, applies results."""
