"""Shared reads: they return Select, rows or numbers, and never write. What only one feature reads lives there."""
