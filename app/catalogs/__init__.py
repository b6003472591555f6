"""The translation catalogs in `translations/`: read, check, compile and use them.

    po.py          parse .po files without losing content, and report every syntax error with its line
    po_writing.py  write .po files
    merging.py     synchronise a catalog with the strings of the code
    plurals.py     the plural rule of a catalog
    checks.py      find translations that would break a page or mislead readers
    compiled.py    a catalog in memory, and its JSON form
    loading.py     load compiled catalogs at startup, or compile them
    domain.py      gettext for Python and templates, with English as the fallback
    source.py      extract the strings of the code; create, update and check catalogs

Only `domain.py` uses Flask. `source.py` is slow, so only the commands `flask translate` and tests use it.
"""
