"""The catalogs in `translations/`, from the translator's file to the strings in memory.

    po.py          parse .po files without losing anything, and report every fault with its line
    po_writing.py  write them
    merging.py     update a catalog to the strings of the code
    plurals.py     the catalog's own plural rule
    checks.py      find translations that would break a page or mislead readers
    compiled.py    a catalog in memory, and its JSON form
    store.py       load compiled catalogs or compile them, in every process
    domain.py      gettext for Python and templates, with English as fallback
    source.py      extract the strings of the code; create, update and check catalogs (Babel)

Only `domain.py` uses Flask, and only `source.py` is slow.
"""
