"""Write .po files in Babel's format, but without line wrapping. Reading and rewriting a file changes nothing."""

from __future__ import annotations

import re
from pathlib import Path

from app.catalogs.po import Entry, PoFile

_COMMENT_WIDTH = 76


def write(path: Path, file: PoFile, count: int) -> None:
    """Write `file` to `path` atomically. `count` is the number of plural forms in the language."""
    blocks = [_block(entry, count) for entry in [file.header, *file.entries]]
    part = path.with_name(f"{path.name}.part")
    part.write_text("\n".join(blocks) + "\n", encoding="utf-8", newline="\n")
    part.replace(path)


def _block(entry: Entry, count: int) -> str:
    mark = "#~ " if entry.obsolete else ""
    lines = [f"# {comment}".rstrip() for comment in entry.comments]
    lines += [f"#. {comment}" for comment in entry.extracted]
    lines += [f"#: {line}" for line in _wrapped(entry.locations)]
    if entry.flags:
        lines.append(f"#, {', '.join(sorted(set(entry.flags)))}")
    lines += [f"{'#~|' if entry.obsolete else '#|'} {text}" for text in entry.previous]
    if entry.context is not None:
        lines.append(f"{mark}msgctxt {quote(entry.context, mark)}")
    lines.append(f"{mark}msgid {quote(entry.msgid, mark)}")
    if entry.plural is None:
        lines.append(f"{mark}msgstr {quote(entry.forms[0] if entry.forms else '', mark)}")
    else:
        lines.append(f"{mark}msgid_plural {quote(entry.plural, mark)}")
        forms = entry.forms + [""] * (count - len(entry.forms))
        lines += [f"{mark}msgstr[{number}] {quote(form, mark)}" for number, form in enumerate(forms)]
    return "".join(f"{line}\n" for line in lines)


def quote(text: str, mark: str = "") -> str:
    """Return a text as a quoted string for a .po file.

    A text with line breaks becomes several lines. `mark` precedes each of them except the first.
    """
    quoted = []
    for piece in re.findall(r"[^\n]*\n|[^\n]+", text) or [""]:
        plain = piece.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t").replace("\r", "\\r")
        quoted.append('"' + plain.replace("\n", "\\n") + '"')
    return f"\n{mark}".join(['""', *quoted]) if "\n" in text else quoted[0]


def _wrapped(words: list[str]) -> list[str]:
    lines: list[str] = []
    for word in words:
        if lines and len(lines[-1]) + 1 + len(word) <= _COMMENT_WIDTH:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
