"""The real thing in real browsers: `make e2e`."""
