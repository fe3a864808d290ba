"""The `portal` command line and the supervisor of `portal up`; it alone may start the services."""
