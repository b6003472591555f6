"""Pure functions on text: names, lengths, search text, safe HTML. No IO, no Flask, no database."""
