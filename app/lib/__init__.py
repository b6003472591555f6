"""Pure libraries: they import nothing else of the app."""
