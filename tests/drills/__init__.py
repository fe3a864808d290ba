"""Drills on the real system, longer than the tests: `./portal drill NAME`."""
