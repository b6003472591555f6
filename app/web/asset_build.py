"""Build the static files: two style sheets, two scripts and one icon sprite.

The sources are the files in app/static and files of installed packages, such as Bootstrap.

- CSS: each `@import` rule is replaced by the content of the imported file, in a cascade layer. From Bootstrap, the
  build leaves out all unused variables, and all rules with a class that is not in `BOOTSTRAP_CLASSES`. app.rtl.css is
  the same style sheet as app.css, but its part from Bootstrap is mirrored for right-to-left languages.
- JavaScript: each script contains one ES module and all modules that it imports. Each module is wrapped in a function.
- Icons: the sprite contains the icons that `app.web.icons` lists.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import flask_bootstrap
import xstatic.pkg.jquery

from app.web import rtl
from app.web.icons import ICONS

OWN = Path(__file__).parent.parent / "static"
BOOTSTRAP = Path(flask_bootstrap.__file__).parent / "static" / "bootstrap5"
BOOTSTRAP_CSS = BOOTSTRAP / "css" / "bootstrap.min.css"
SPRITE = BOOTSTRAP / "icons" / "bootstrap-icons.svg"
JQUERY = Path(xstatic.pkg.jquery.BASE_DIR) / "jquery.min.js"

# Our sources refer to files of packages by these paths.
VENDOR = {"vendor/bootstrap/bootstrap.css": BOOTSTRAP_CSS, "vendor/jquery/jquery.min.js": JQUERY}

BOOTSTRAP_CLASSES = frozenset(
    """
    alert form-check form-check-input form-check-label form-control form-select form-switch form-text
    is-invalid mb-3 mt-3 px-3 visually-hidden
    """.split()  # noqa: SIM905 (a list of words is easier to read)
)


def sources() -> list[Path]:
    """Return the paths of all files that the build depends on."""
    own = sorted(path for path in OWN.rglob("*") if path.is_file())
    code = [Path(__file__), Path(__file__).with_name("icons.py"), Path(rtl.__file__)]
    return [*own, BOOTSTRAP_CSS, SPRITE, JQUERY, *code]


def build() -> dict[str, bytes]:
    """Return a dict from the name of each built file, such as "css/app.css", to its content."""
    files = {f"img/{path.name}": path.read_bytes() for path in sorted((OWN / "img").iterdir())}
    files["img/icons.svg"] = icon_sprite(SPRITE.read_text()).encode()
    bootstrap = used_bootstrap(BOOTSTRAP_CSS.read_text())
    files["css/app.css"] = stylesheet("css/app.css", bootstrap).encode()
    files["css/app.rtl.css"] = stylesheet("css/app.css", rtl.mirrored(bootstrap)).encode()
    for entry in ("js/member.js", "js/visitor.js"):
        files[entry] = script(entry).encode()
    return files


# --- CSS

_CSS_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_IMPORT_RULE = re.compile(r'@import url\("([^"]+)"\) layer\(([a-z]+)\);')
_CLASS = re.compile(r"\.(-?[_a-zA-Z][\w-]*)")
_VARIABLE = re.compile(r"var\((--bs-[\w-]+)")
_DARK = "[data-bs-theme=dark]"


class Rule(NamedTuple):
    """A CSS rule. `prelude` is its selector or at-rule, and `body` is the text between its braces."""

    prelude: str
    body: str


def stylesheet(name: str, bootstrap: str) -> str:
    """Return the style sheet `name` with its imports inlined and its comments removed.

    `bootstrap` is the CSS to insert where the style sheet imports Bootstrap.
    """

    def included(found: re.Match[str]) -> str:
        path = _join(name, found[1])
        content = bootstrap if path in VENDOR else (OWN / path).read_text()
        return f"@layer {found[2]} {{\n{content}\n}}"

    whole = _IMPORT_RULE.sub(included, (OWN / name).read_text())
    return re.sub(r"\s*\n\s*", "\n", _CSS_COMMENT.sub("", whole)).strip() + "\n"


def used_bootstrap(css: str) -> str:
    """Return Bootstrap's style sheet `css` without the rules and variables that our pages don't use."""
    rules = list(_used_rules(_CSS_COMMENT.sub("", css)))
    text = _printed(rules)
    while True:  # repeat, because removing a variable may leave others unused
        used = {*_VARIABLE.findall(text), *_VARIABLE.findall(_own_css())}
        smaller = _printed(_without_variables(rules, used))
        if smaller == text:
            return text
        text = smaller
        rules = list(_rules(text))


def _own_css() -> str:
    return "".join(path.read_text() for path in sorted((OWN / "css").rglob("*.css")))


def _rules(css: str) -> Iterator[Rule]:
    """Yield the top-level rules of a style sheet."""
    start = depth = 0
    open_at = 0
    for found in re.finditer(r'"[^"]*"|\{|\}|;', css):
        if found[0] == "{":
            open_at = open_at if depth else found.start()
            depth += 1
        elif found[0] == "}":
            depth -= 1
            if depth == 0:
                yield Rule(css[start:open_at].strip(), css[open_at + 1 : found.start()].strip())
                start = found.end()
        elif found[0] == ";" and depth == 0:
            start = found.end()  # skip @charset and similar statements


def _printed(rules: list[Rule]) -> str:
    return "\n".join(f"{rule.prelude}{{{rule.body}}}" for rule in rules)


def _used_rules(css: str) -> Iterator[Rule]:
    for rule in _rules(css):
        if rule.prelude.startswith(("@media", "@supports")):
            inner = list(_used_rules(rule.body))
            if inner:
                yield Rule(rule.prelude, _printed(inner))
        elif not rule.prelude.startswith("@"):  # skip @keyframes: only components that we don't use have animations
            selectors = [one for one in _selectors(rule.prelude) if BOOTSTRAP_CLASSES.issuperset(_CLASS.findall(one))]
            if selectors:
                yield Rule(",".join(selectors), rule.body)
            if dark := [one.replace(_DARK, "[data-bs-theme=auto]") for one in selectors if _DARK in one]:
                # The "Match system" theme is implemented in CSS, without a script.
                yield Rule("@media (prefers-color-scheme:dark)", f"{','.join(dark)}{{{rule.body}}}")


def _selectors(prelude: str) -> list[str]:
    """Split a selector list at its commas, except those inside :is(...) or [...]."""
    return re.findall(r"(?:[^,(\[]|\([^)]*\)|\[[^\]]*\])+", prelude)


def _without_variables(rules: list[Rule], used: set[str]) -> list[Rule]:
    """Return `rules` without the definitions of the Bootstrap variables that are not in `used`."""
    kept = []
    for rule in rules:
        if rule.prelude.startswith("@"):
            inner = _without_variables(list(_rules(rule.body)), used)
            body = _printed(inner)
        else:
            declarations = [one for one in rtl.declarations(rule.body) if one.strip()]
            body = ";".join(one for one in declarations if not one.startswith("--bs-") or one.split(":")[0] in used)
        if body:
            kept.append(Rule(rule.prelude, body))
    return kept


# --- JavaScript

_IMPORT = re.compile(r'^import (?:(\* as \w+|\{[^}]*\}) from )?"([^"]+)";.*\n', re.MULTILINE)
_EXPORT_LIST = re.compile(r"^export \{([^}]*)\};\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class) (\w+)|const (\w+))", re.MULTILINE)
_JS_COMMENT = re.compile(r"^\s*(?://.*|/\*\*.*\*/)\n", re.MULTILINE)


def script(entry: str) -> str:
    """Bundle the ES module `entry` and all modules that it imports into one script.

    Each module becomes a function that returns its exports. Imports must use relative paths and must not be circular.
    Exports must be constants, functions or classes. Raise ValueError for anything else.
    """
    order: dict[str, str] = {}
    _collect(entry, order, ())
    return "".join(order.values())


def _collect(path: str, order: dict[str, str], importing: tuple[str, ...]) -> None:
    if path in importing:
        raise ValueError(f"modules import each other in a circle: {' -> '.join((*importing, path))}")
    if path in order:
        return
    if path in VENDOR:
        order[path] = f"(() => {{\n{VENDOR[path].read_text()}\n}})();\n"
        return
    text = (OWN / path).read_text()
    for found in _IMPORT.finditer(text):
        _collect(_join(path, found[2]), order, (*importing, path))
    bound = _IMPORT.sub(lambda found: _binding(path, found), text)
    names = [name.strip() for listed in _EXPORT_LIST.findall(bound) for name in listed.split(",") if name.strip()]
    bound = _EXPORT_LIST.sub("", bound)
    names += [one or other for one, other in _EXPORT.findall(bound)]
    bound = _JS_COMMENT.sub("", _EXPORT.sub("", bound))
    if re.search(r"^(?:import|export)\b", bound, re.MULTILINE):
        raise ValueError(f"{path} imports or exports in a form that is not known here")
    order[path] = f"const {_variable(path)} = (() => {{\n{bound}return {{ {', '.join(names)} }};\n}})();\n"


def _binding(importer: str, found: re.Match[str]) -> str:
    """Return the JavaScript statement that replaces the import statement `found` in the module `importer`.

    In the bundle, a module is the result of a function call. So an import becomes a `const` statement.
    """
    clause, address = found.groups()
    path = _join(importer, address)
    if not clause or path in VENDOR:
        return ""
    if clause.startswith("*"):
        return f"const {clause.removeprefix('* as ')} = {_variable(path)};\n"
    return f"const {clause.replace(' as ', ': ')} = {_variable(path)};\n"


def _variable(path: str) -> str:
    return "_" + re.sub(r"\W", "_", path.removeprefix("js/").removesuffix(".js"))


def _join(origin: str, address: str) -> str:
    """Resolve the relative path `address`, which the file `origin` contains. Return the resulting path."""
    parts = origin.split("/")[:-1]
    for part in address.split("/"):
        if part == "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


# --- Icons

_SYMBOL = re.compile(r'<symbol[^>]*\bid="([^"]+)"[^>]*>.*?</symbol>', re.DOTALL)


def icon_sprite(sprite: str) -> str:
    """Return Bootstrap's icon sprite with only the icons in ICONS. Raise KeyError if Bootstrap lacks one of them."""
    symbols = {found[1]: found[0] for found in _SYMBOL.finditer(sprite)}
    drawn = "".join(re.sub(r' class="[^"]*"', "", symbols[name]) for name in sorted(ICONS))
    return f'<svg xmlns="http://www.w3.org/2000/svg">{drawn}</svg>\n'
