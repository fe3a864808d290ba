"""Tells people what they asked to be told: `watch` decides and writes rows, `courier` sends them.

What was decided is a row before anything is sent, so that it survives this process, and is sent at least
once. Several replicas may run both loops: they claim what they do by a row.
"""
