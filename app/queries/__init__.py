"""Shared reads: they return a Select, rows or numbers, and never write. A feature's own reads are in its package."""
