"""Libraries that import nothing from the rest of the app."""
