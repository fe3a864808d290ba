"""The contract on the wire: everything that can be said, and where it goes."""
