"""A slow, obvious model of every schedule, to judge the engine by: `python -m tests.oracle`.

It is written from the rules in words, shares no code with the engine, and prefers looking at every minute
of a clock to any arithmetic that could be wrong in the same way.
"""
