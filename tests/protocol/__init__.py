"""A model of claims and leases that is small enough to look at every state that it can reach."""
