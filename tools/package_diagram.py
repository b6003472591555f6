"""`make diagram`, or `python -m tools.package_diagram`: draw the imports between packages in docs/architecture.md.

Each box is a package of `app`, or a group of packages that never import each other (in import-linter's contract, "|"
separates them). Each arrow is an import in the code. An arrow is left out if a chain of other arrows implies it.
"""

from __future__ import annotations

import tomllib

import grimp

from app.config import ROOT

PAGE = ROOT / "docs/architecture.md"
BEGIN = "<!-- The diagram is generated: run `make diagram`. -->"
END = "<!-- End of the diagram. -->"


def main() -> None:
    """Write the diagram into docs/architecture.md."""
    PAGE.write_text(with_diagram(PAGE.read_text()))


def with_diagram(page: str) -> str:
    """Return `page` with a new diagram between the two markers, made from the current code."""
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
    """Return the label of a box: the names of its packages, five on each line."""
    lines = [packages[start : start + 5] for start in range(0, len(packages), 5)]
    return "<br>".join(" · ".join(line) for line in lines)


def _imports(box_of: dict[str, str]) -> dict[str, set[str]]:
    """Return the boxes that each box imports, except for type checking. `box_of` maps each package to its box."""
    graph = grimp.build_graph("app", exclude_type_checking_imports=True, cache_dir=None)
    found: dict[str, set[str]] = {box: set() for box in box_of.values()}
    for module in graph.modules - {"app"}:
        importer = box_of[module.split(".")[1]]
        targets = graph.find_modules_directly_imported_by(module) - {"app"}
        found[importer] |= {box_of[target.split(".")[1]] for target in targets} - {importer}
    return found


def _without_implied(imports: dict[str, set[str]]) -> dict[str, set[str]]:
    """Return the transitive reduction of the imports. They have no cycles, because import-linter checks the layers."""

    def reachable(box: str) -> set[str]:
        return imports[box].union(*map(reachable, imports[box]))

    return {
        box: {one for one in targets if not any(one in reachable(other) for other in targets)}
        for box, targets in imports.items()
    }


if __name__ == "__main__":
    main()
