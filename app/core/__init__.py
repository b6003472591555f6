"""Code that all features share: transactions, clock, Redis client, errors, languages, roles, validation."""
