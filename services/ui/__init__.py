"""Shows the ledger, records what scripts printed, accepts what people ask for."""
