"""What two or more services must agree on, and nothing else.

`domain` is pure rules, `messages` the contract on the wire, `runtime` process plumbing, `broker`
the RabbitMQ adapter and `db` the SQLAlchemy adapter. Logic that only one service needs lives in
that service.
"""
