"""Demo data: `flask demo` (or `make demo`) fills an empty site, using the same actions as real use."""
