"""Shared foundations of all layers above: clock, database, Redis, errors, languages, roles, validation."""
