"""What all layers above share: the clock, the database, Redis, errors, languages, roles, validation."""
