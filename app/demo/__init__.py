"""The sample data of `flask demo` (or `make demo`). It is created with the same actions that the routes use."""
