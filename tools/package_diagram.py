"""`make diagram`, or `python -m tools.package_diagram`: draw the imports between packages in docs/architecture.md.

A box is a package of `app`, or the packages that import-linter's contract separates by "|": they never import each
other. An arrow is an import that the code contains. Arrows that other arrows imply are left out.
"""

from __future__ import annotations

import tomllib

import grimp

from app.config import ROOT

PAGE = ROOT / "docs/architecture.md"
BEGIN = "<!-- The diagram is generated: run `make diagram`. -->"
END = "<!-- End of the diagram. -->"


def main() -> None:
    """Write the diagram into the page."""
    PAGE.write_text(with_diagram(PAGE.read_text()))


def with_diagram(page: str) -> str:
    """Return the page with the diagram of the current code between its two markers."""
    before, _begin, rest = page.partition(BEGIN)
    _old, _end, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n```mermaid\n{diagram()}\n```\n\n{END}{after}"


def diagram() -> str:
    """Return the diagram in the Mermaid language."""
    boxes = _boxes()
    imports = _without_implied(_imports({package: box[0] for box in boxes for package in box}))
    nodes = [f'  {box[0]}["{_label(box)}"]' for box in boxes]
    arrows = [f"  {box[0]} --> {target}" for box in boxes for target in sorted(imports[box[0]])]
    return "\n".join(["flowchart TD", *nodes, *arrows])


def _boxes() -> list[list[str]]:
    """Return the packages of each box, from the highest layer to the lowest."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    names = [box.replace("app.", "") for layer in layers for box in layer.split(" : ")]
    return [name.split(" | ") for name in names]


def _label(packages: list[str]) -> str:
    """Return the names of the packages, five to a line."""
    lines = [packages[start : start + 5] for start in range(0, len(packages), 5)]
    return "<br>".join(" · ".join(line) for line in lines)


def _imports(box_of: dict[str, str]) -> dict[str, set[str]]:
    """Return the boxes that each box imports, without imports for type checking."""
    graph = grimp.build_graph("app", exclude_type_checking_imports=True, cache_dir=None)
    found: dict[str, set[str]] = {box: set() for box in box_of.values()}
    for module in graph.modules - {"app"}:
        importer = box_of[module.split(".")[1]]
        targets = graph.find_modules_directly_imported_by(module) - {"app"}
        found[importer] |= {box_of[target.split(".")[1]] for target in targets} - {importer}
    return found


def _without_implied(imports: dict[str, set[str]]) -> dict[str, set[str]]:
    """Return the transitive reduction. The layers exclude circles."""

    def reachable(box: str) -> set[str]:
        return imports[box].union(*map(reachable, imports[box]))

    return {
        box: {one for one in targets if not any(one in reachable(other) for other in targets)}
        for box, targets in imports.items()
    }


if __name__ == "__main__":
    main()
