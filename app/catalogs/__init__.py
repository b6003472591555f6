"""The catalogs in `translations/`, from the translator's file to the strings in memory.

    po.py        read .po files without losing anything, and name every fault with its line
    po_writing.py    write them
    merging.py   bring one up to the strings of the code
    plurals.py   the catalog's own plural rule
    checks.py    what would break a page or deceive its reader
    compiled.py  what a process holds of a catalog, and its JSON form
    store.py     find compiled catalogs or compile them, in every process
    domain.py    gettext for Python and templates, which falls back to English
    source.py    extract the strings of the code; start, update and judge catalogs (Babel)

Only `domain.py` knows Flask, and only `source.py` is slow.
"""
