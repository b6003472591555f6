"""A strict parser for .po files. It loses no content, and reports every syntax error with its line.

Babel's parser is not used, because it stops at the first error, counts lines from 0, treats `#|` as a comment and fails
on `#~|` (python-babel/babel#206, #566). The format is described in the GNU gettext manual, "The Format of PO Files".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path

_LINE_END = re.compile(r"\r\n|\r|\n")
_KEYWORD = re.compile(r"(msgctxt|msgid_plural|msgid|msgstr)(?:\[(\d{1,2})\])?\s*(\".*)\Z")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"\Z')
_ESCAPE = re.compile(r"\\(.)")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\"}
_CONFLICT = re.compile(r"(<{7}|={7}|>{7}|\|{7})( |\Z)")
_CHARSET = re.compile(rb"charset=([A-Za-z0-9_.:-]+)", re.IGNORECASE)


@dataclass(frozen=True)
class Fault:
    """A problem in a file: its place, and a sentence that describes it."""

    path: str  # relative to the project root, as translators know it
    line: int  # from 1
    reason: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.reason}"


@dataclass
class Entry:
    """A string and its translation."""

    msgid: str
    plural: str | None = None
    context: str | None = None
    forms: list[str] = field(default_factory=list)  # one, or one for each plural form; "" = not translated
    line: int = 0  # line of its msgid
    flags: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)  # by translators
    extracted: list[str] = field(default_factory=list)  # by programmers (NOTE:)
    locations: list[str] = field(default_factory=list)
    previous: list[str] = field(default_factory=list)  # lines after `#|`: an older English text, which was translated
    obsolete: bool = False

    @property
    def key(self) -> str:
        """The key of the translation: the msgid, preceded by the context if there is one."""
        return key(self.msgid, self.context)

    @property
    def fuzzy(self) -> bool:
        """Whether a translator must review the translation. Until then, readers see English."""
        return "fuzzy" in self.flags

    @property
    def translated(self) -> bool:
        """Whether there is a translation that readers may see."""
        return not self.fuzzy and not self.obsolete and bool(self.forms) and all(form.strip() for form in self.forms)


@dataclass
class PoFile:
    """The content of a .po file, and the problems in it."""

    path: str
    entries: list[Entry] = field(default_factory=list)  # without the header; of duplicates, only the first
    header: Entry = field(default_factory=lambda: Entry(""))
    damage: list[Fault] = field(default_factory=list)  # parts that could not be read; if any, don't rewrite the file
    duplicates: list[Fault] = field(default_factory=list)
    notes: list[Fault] = field(default_factory=list)  # harmless problems

    @property
    def headers(self) -> dict[str, str]:
        """The header fields, by name in lower case."""
        pairs = (line.partition(":") for line in (self.header.forms or [""])[0].splitlines())
        return {name.strip().lower(): value.strip() for name, colon, value in pairs if colon}

    def header_line(self, name: str) -> int:
        """Return the approximate line number of a header field. It is shown in faults."""
        lines = (self.header.forms or [""])[0].splitlines()
        places = [number for number, line in enumerate(lines, 1) if line.lower().startswith(name.lower())]
        return self.header.line + 1 + (places[0] if places else 0)

    def living(self) -> list[Entry]:
        """Return the entries that are not obsolete."""
        return [entry for entry in self.entries if not entry.obsolete]


def key(msgid: str, context: str | None) -> str:
    """Return the key of a translation: the msgid, preceded by the context if there is one, as in gettext."""
    return msgid if context is None else f"{context}\x04{msgid}"


def read(path: Path, name: str) -> PoFile:
    """Read and parse the file at `path`. `name` is the file name to use in faults.

    Raises OSError if the file can't be read. Invalid content raises no exception; it is listed in the result's
    `damage`.
    """
    return parse(path.read_bytes(), name)


def parse(data: bytes, name: str) -> PoFile:
    """Parse the content of a .po file. A byte order mark and all kinds of line endings are accepted."""
    file = PoFile(name)
    text = _decode(data, file)
    if text is not None:
        _Parser(file).run(_LINE_END.split(text))
    return file


def _decode(data: bytes, file: PoFile) -> str | None:
    """Decode the content of a file as UTF-8. If this fails, use the charset in the file's header.

    Return None if neither works. Problems are added to `file.damage` and `file.notes`.
    """
    found = _CHARSET.search(data)
    charset = found[1].decode("ascii") if found else "UTF-8"
    line = _LINE_END.sub("\n", data[: found.start()].decode("latin-1")).count("\n") + 1 if found else 1
    known = True
    try:
        "".encode(charset)
    except (LookupError, ValueError):
        known = charset.upper() == "CHARSET"  # xgettext's placeholder in templates
        if not known:
            file.notes.append(Fault(file.path, line, f"the charset {charset!r} is unknown; the file is read as UTF-8"))
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        bad = data[: error.start].replace(b"\r\n", b"\n").count(b"\n") + 1
        if not found or not known or charset.upper().replace("_", "-") in {"UTF-8", "UTF8", "CHARSET"}:
            file.damage.append(Fault(file.path, bad, "this line is not text in UTF-8"))
            return None
    try:
        return data.decode(charset)
    except (LookupError, ValueError):
        file.damage.append(Fault(file.path, bad, f"this line is not text in {charset}, the charset of the header"))
        return None


class _Parser:
    """A parser that reads a file line by line, and adds its entries and problems to `file`."""

    def __init__(self, file: PoFile) -> None:
        self.file = file
        self._seen: set[tuple[str, bool]] = set()
        self._damaged_line = -1  # the last bad line; of consecutive bad lines, only the first is reported
        self._begin()

    def _begin(self) -> None:
        self._parts: dict[str, list[str]] = {}  # keyword -> its string pieces
        self._last = ""
        self._entry = Entry("")

    def run(self, lines: list[str]) -> None:
        for number, raw in enumerate(lines, 1):
            line = raw.strip(" \t\f\v")
            if not line:
                continue
            if _CONFLICT.match(line):
                self._damage(number, "this is the mark of a merge conflict; choose one side")
            elif line.startswith("#~"):
                self._obsolete(number, line[2:].lstrip())
            elif line.startswith("#"):
                self._comment(line)
            else:
                self._text(number, line, obsolete=False)
        self._finish()

    def _damage(self, number: int, reason: str) -> None:
        if number != self._damaged_line + 1:
            self.file.damage.append(Fault(self.file.path, number, reason))
        self._damaged_line = number

    def _obsolete(self, number: int, line: str) -> None:
        if line.startswith("|"):
            self._comment(f"#{line}")
        elif line:
            self._text(number, line, obsolete=True)

    def _comment(self, line: str) -> None:
        if "msgid" in self._parts:
            self._finish()
        entry, rest = self._entry, line[2:].strip()
        match line[:2]:
            case "#:":
                entry.locations += rest.split()
            case "#,":
                entry.flags += [flag.strip() for flag in rest.split(",") if flag.strip()]
            case "#.":
                entry.extracted.append(rest)
            case "#|":
                entry.previous.append(rest)
            case _:
                entry.comments.append(line[1:].strip())

    def _text(self, number: int, line: str, *, obsolete: bool) -> None:
        if line.startswith('"'):
            if not self._last:
                self._damage(number, "this text belongs to no msgid or msgstr")
                return
            self._parts[self._last].append(self._unquote(number, line))
            return
        match = _KEYWORD.match(line)
        if not match:
            self._damage(number, f"neither msgid, msgstr, text in quotes nor a comment: {line[:60]!r}")
            return
        word, index, quoted = match.groups()
        if (word == "msgctxt" and self._parts) or (word == "msgid" and "msgid" in self._parts):
            self._finish()  # but the comments above a msgctxt belong to the same entry
        if word == "msgid":
            self._entry.line = number
        self._entry.obsolete = obsolete
        self._last = f"msgstr[{int(index or 0)}]" if word == "msgstr" else word
        if self._last in self._parts:
            self._damage(number, f"a second {self._last} in one entry")
        self._parts[self._last] = [self._unquote(number, quoted)]

    def _unquote(self, number: int, quoted: str) -> str:
        match = _QUOTED.match(quoted)
        if not match:
            self._damage(number, "a quote is missing, or one inside the text lacks its backslash")
            return ""
        unknown = {found for found in _ESCAPE.findall(match[1]) if found not in _ESCAPES}
        if unknown:
            self._damage(number, f"\\{min(unknown)} is not an escape; write \\\\ for a backslash")
        return _ESCAPE.sub(lambda found: _ESCAPES.get(found[1], ""), match[1])

    def _finish(self) -> None:
        entry, texts = self._entry, {word: "".join(pieces) for word, pieces in self._parts.items()}
        self._begin()
        if not texts:
            owner = self.file.entries[-1] if self.file.entries else self.file.header
            owner.comments += entry.comments  # comments at the end of the file
            return
        if "msgid" not in texts or "msgstr[0]" not in texts:
            missing = "msgid" if "msgid" not in texts else "msgstr"
            self.file.damage.append(Fault(self.file.path, entry.line or 1, f"this entry has no {missing}"))
            return
        entry.msgid, entry.plural, entry.context = texts["msgid"], texts.get("msgid_plural"), texts.get("msgctxt")
        numbers = sorted(int(word[7:-1]) for word in texts if word.startswith("msgstr["))
        if numbers != list(range(len(numbers))):
            self.file.damage.append(Fault(self.file.path, entry.line, "the numbers of its msgstr[…] have a gap"))
            return
        entry.forms = [texts[f"msgstr[{number}]"] for number in numbers]
        self._add(entry)

    def _add(self, entry: Entry) -> None:
        if not entry.msgid and entry.context is None:
            if self.file.header.forms:
                self.file.duplicates.append(Fault(self.file.path, entry.line, "a second header"))
            else:
                self.file.header = replace(entry, comments=self.file.header.comments + entry.comments)
            return
        if (entry.key, entry.obsolete) in self._seen:
            reason = f"this string stands in the file twice: {entry.msgid!r}"
            self.file.duplicates.append(Fault(self.file.path, entry.line, reason))
            return
        self._seen.add((entry.key, entry.obsolete))
        self.file.entries.append(entry)
