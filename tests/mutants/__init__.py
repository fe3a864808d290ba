"""Mutation tests of the pure core: each small fault that is put into it must be noticed by a test.

The tool is ours because those at hand leave out what matters here: mutmut changes no decorated function, no
property and no constant, which is a third of the engine; cosmic-ray starts a process for each mutant.
"""
