"""The whole scheduler through simulated years, with crashes at every await: `python -m tests.simulation`.

The scheduler's own code runs against a real database. Time is virtual, RabbitMQ is the named
`CourierModel`, and executors and people are models that draw what they do from one seed. What must stand
in the ledger at the end is said by a model of its own, which shares no code with the planner.
"""
