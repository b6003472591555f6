"""Pure libraries. They import nothing from the rest of the app."""
