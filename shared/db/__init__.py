"""The SQLAlchemy adapter: functions that take a session and return domain values.

One transaction per use case, opened by the caller and never held across a wait for the broker or a
script. Who writes which table stands in `tables.py`.
"""
