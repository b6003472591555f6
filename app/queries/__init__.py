"""Queries that several features share. They return a Select, rows or numbers, and never write.

A query that only one feature uses is in the feature's `queries.py`.
"""
