"""Static files: built from sources and packages, addressed by a digest, and served under every security header."""

from __future__ import annotations

import gzip
import re
from typing import Any

import pytest
from flask import Flask

from app.config import ROOT
from app.web import asset_build
from app.web.headers import SECURITY_HEADERS

FILES = ["css/app.css", "css/app.rtl.css", "js/member.js", "js/visitor.js", "img/icons.svg", "img/mark.svg"]

CLASS = re.compile(r"\.([a-z][\w-]*)")
NO_CLASSES = {"row"}  # a variable in an expression


def address(app: Flask, name: str) -> str:
    asset: Any = app.jinja_env.globals["asset"]
    return str(asset(name))


def fetched(client: Any, url: str, **headers: str) -> Any:
    """The answer, whole, and its file closed: a server does that, the test client leaves it to us."""
    response = client.get(url, headers=headers)
    response.get_data()
    response.close()
    return response


def test_file_is_cached_permanently_only_under_its_current_digest(app: Flask, client: Any) -> None:
    url = address(app, "css/app.css")
    assert re.fullmatch(r"/static/[0-9a-f]{12}/css/app\.css", url)
    assert "immutable" in fetched(client, url).headers["Cache-Control"]
    assert fetched(client, "/static/000000000000/css/app.css").headers["Cache-Control"] == "public, max-age=60"


def test_all_files_share_one_digest_so_relative_urls_work(app: Flask) -> None:
    assert len({address(app, name).split("/")[2] for name in FILES}) == 1


@pytest.mark.parametrize("name", FILES)
def test_files_used_by_pages_are_served(app: Flask, client: Any, name: str) -> None:
    answer = fetched(client, address(app, name))
    assert answer.status_code == 200
    assert all(answer.headers[name] == value for name, value in SECURITY_HEADERS.items())


@pytest.mark.parametrize(
    "name", ["vendor/jquery/jquery.min.js", "js/polling/poll.js", "css/app.css.gz", "../config.py", ""]
)
def test_other_files_are_not_served(app: Flask, client: Any, name: str) -> None:
    folder = address(app, "css/app.css").removesuffix("css/app.css")
    assert fetched(client, folder + name).status_code == 404
    assert fetched(client, f"/static/{name}").status_code == 404


def test_text_files_are_compressed_for_clients_that_accept_gzip(app: Flask, client: Any) -> None:
    url = address(app, "css/app.rtl.css")
    small = fetched(client, url, **{"Accept-Encoding": "gzip"})
    assert small.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(small.data) == fetched(client, url).data


def test_asset_urls_include_the_mount_path(app: Flask) -> None:
    with app.test_request_context("/", environ_overrides={"SCRIPT_NAME": "/blog"}):
        assert re.match("/blog/static/[0-9a-f]{12}/css/app.css", address(app, "css/app.css"))


def test_unknown_file_or_icon_raises_an_error_in_the_template(app: Flask) -> None:
    icon: Any = app.jinja_env.globals["icon"]
    with pytest.raises(KeyError):
        address(app, "css/no_such_file.css")
    with pytest.raises(KeyError):
        icon("no-such-icon")


# --- How they are made


def test_asset_build_is_reproducible() -> None:
    assert asset_build.build() == asset_build.build()


def test_bootstrap_css_keeps_only_used_classes_and_variables() -> None:
    css = asset_build.used_bootstrap(
        '@charset "utf-8";:root,[data-bs-theme=light]{--bs-body-bg:#fff;--bs-nowhere:1;--bs-chain:var(--bs-nowhere)}'
        "body,.carousel{color:var(--bs-body-bg)}.form-control,.form-control.btn{width:100%}"
        "@media (min-width:1px){.card{width:1px}}@keyframes spin{to{opacity:1}}"
    )
    assert (
        css
        == ":root,[data-bs-theme=light]{--bs-body-bg:#fff}\nbody{color:var(--bs-body-bg)}\n.form-control{width:100%}"
    )


def test_every_bootstrap_class_in_a_template_is_kept_or_our_own() -> None:
    templates = "".join(path.read_text() for path in (ROOT / "app/templates").rglob("*.html"))
    used = {word for value in re.findall(r'class="([^"]*)"', templates) for word in re.findall(r"[a-z][\w-]*", value)}
    theirs = set(CLASS.findall(re.sub(r"{[^{}]*}", "{}", asset_build.BOOTSTRAP_CSS.read_text())))
    ours = set(CLASS.findall("".join(path.read_text() for path in (asset_build.OWN / "css").rglob("*.css"))))
    assert (used & theirs) - ours - asset_build.BOOTSTRAP_CLASSES <= NO_CLASSES


def test_bootstrap_dark_theme_follows_the_system_without_javascript() -> None:
    css = asset_build.used_bootstrap("[data-bs-theme=dark] .form-select{color:#fff}")
    auto = "@media (prefers-color-scheme:dark){[data-bs-theme=auto] .form-select{color:#fff}}"
    assert css == f"[data-bs-theme=dark] .form-select{{color:#fff}}\n{auto}"


def test_stylesheet_declares_its_layers_first() -> None:
    css = asset_build.build()["css/app.css"].decode()
    assert css.startswith("@layer bootstrap, tokens, base, components, pages;\n@layer bootstrap {")
    assert "@import" not in css and css.count("{") == css.count("}")


@pytest.fixture
def modules(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(asset_build, "OWN", tmp_path)

    def write(**texts: str) -> str:
        (tmp_path / "js").mkdir()
        for name, text in texts.items():
            (tmp_path / "js" / f"{name}.js").write_text(text)
        return asset_build.script("js/main.js")

    return write


def test_modules_are_combined_into_functions_in_import_order(modules: Any) -> None:
    combined = modules(
        main='import * as b from "./b.js"; // why\nimport { one as first } from "./a.js";\nfirst(b.two);\n',
        a="// a comment\nexport function one() {}\n",
        b='import "./a.js";\nconst two = 2;\n\nexport { two };\n',
    )
    assert combined == (
        "const _a = (() => {\nfunction one() {}\nreturn { one };\n})();\n"
        "const _b = (() => {\nconst two = 2;\n\nreturn { two };\n})();\n"
        "const _main = (() => {\nconst b = _b;\nconst { one: first } = _a;\nfirst(b.two);\nreturn {  };\n})();\n"
    )


@pytest.mark.parametrize(
    "texts",
    [
        {"main": 'import "./a.js";\n', "a": 'import "./main.js";\n'},
        {"main": "export default 1;\n"},
        {"main": "export let changing = 1;\n"},
        {"main": 'export { x } from "./a.js";\n', "a": "export const x = 1;\n"},
    ],
)
def test_modules_with_cycles_or_unknown_imports_are_rejected(modules: Any, texts: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"circle|not known"):
        modules(**texts)
