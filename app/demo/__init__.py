"""A community to look at: `flask demo` (or `make demo`) fills an empty site through the same actions as real use."""
