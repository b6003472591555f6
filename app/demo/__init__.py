"""The sample data of `flask demo` (or `make demo`). The data is created with the same actions that the routes use."""
