"""Pure functions on text: names, lengths, search text, safe HTML. They use no I/O, no Flask and no database."""
