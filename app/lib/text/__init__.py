"""Pure functions on text: names, lengths, search text, safe HTML. No I/O, no Flask, no database."""
