"""The files of deploy/, run as far as they run without a container engine."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.config import ROOT
from tests.support.forms import fill
from tests.support.ports import free_port, wait_for

DEPLOY = ROOT / "deploy"
HOST = "blog.example.org"


def programs(name: str) -> str:
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    return found or pytest.skip(f"{name} is not installed")


@pytest.fixture
def image(tmp_path):
    """A folder with the files that .dockerignore lets into the image, and nothing that was made from them."""
    folder = tmp_path / "image"
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for name in allowed:
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            made = shutil.ignore_patterns("__pycache__", "*.mo", "messages.json")
            shutil.copytree(source, target, ignore=made)
        else:
            shutil.copy(source, target)
    return folder


@pytest.fixture
def start(tmp_path):
    """Start a program; it is ended after the test. `start(name, [words], **options of Popen)`."""
    running = []

    def run(name: str, command: list[str], **options: object) -> subprocess.Popen[bytes]:
        with (tmp_path / f"{name}.log").open("wb") as log:
            running.append(
                subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True, **options)  # type: ignore[call-overload]
            )
        return running[-1]

    yield run
    for process in running:
        process.terminate()
        process.wait(30)


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for HOST that is signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    files = folder / "fullchain.pem", folder / "privkey.pem"
    files[0].write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


@pytest.fixture
def site(image, start, tmp_path, database, valkey, mails):
    """Release, web and worker by the Procfile, and nginx with the shipped site file; the address of nginx."""
    nginx = programs("nginx")
    web, plain, tls = free_port(), free_port(), free_port()
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "MICROBLOG_ENV": "production",
        "PUBLIC_URL": f"https://{HOST}:{tls}",
        "TRUSTED_PROXIES": "1",
        "SECRET_KEY": secrets.token_hex(24),
        "DATABASE_URL": database.copy(),
        "REDIS_URL": valkey.url,
        "MAIL_SERVER": "127.0.0.1",
        "MAIL_PORT": str(mails.port),
        "MAIL_DEFAULT_SENDER": f"Microblog <noreply@{HOST}>",
        "DATA_DIR": str(tmp_path / "data"),
        "PORT": str(web),
    }
    (tmp_path / "data").mkdir()
    process = str(image / "deploy/process")
    subprocess.run([process, "release"], env=environment, cwd=tmp_path, check=True, capture_output=True)
    start("web", [process, "web"], env=environment)
    start("worker", [process, "worker"], env=environment)
    chain, key = certificate(tmp_path)
    text = (DEPLOY / "nginx.conf").read_text()
    text = text.replace("127.0.0.1:5000", f"127.0.0.1:{web}").replace("listen 80;", f"listen 127.0.0.1:{plain};")
    text = text.replace("listen 443 ssl", f"listen 127.0.0.1:{tls} ssl").replace(
        "$host$request_uri", f"{HOST}:{tls}$request_uri"
    )
    text = re.sub(r"^ *listen \[::\].*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"ssl_certificate .*;", f"ssl_certificate {chain};", text)
    text = re.sub(r"ssl_certificate_key .*;", f"ssl_certificate_key {key};", text)
    temporary = "".join(
        f"{kind}_temp_path {tmp_path}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.geteuid() == 0 else ""
    whole = f"{user} pid {tmp_path}/pid; daemon off; events {{}} http {{ access_log off; {temporary}\n{text}\n}}"
    (tmp_path / "nginx.conf").write_text(whole)
    start("nginx", [nginx, "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf"), "-e", "stderr"])
    wait_for(
        lambda: ask(tls, "GET", "/healthz").text == "ok\n",
        seconds=60,
        why=(tmp_path / "web.log").read_text() + (tmp_path / "nginx.log").read_text(),
    )
    return plain, tls


def ask(port: int, method: str, path: str, headers: dict[str, str] | None = None, **options: object) -> httpx2.Response:
    with httpx2.Client(verify=False, trust_env=False, timeout=30) as client:
        address = f"https://127.0.0.1:{port}{path}"
        return client.request(method, address, headers={"Host": f"{HOST}:{port}", **(headers or {})}, **options)  # type: ignore[arg-type]


@pytest.mark.slow
def test_procfile_processes_work_behind_nginx(site, mails):
    plain, tls = site
    moved = httpx2.get(f"http://127.0.0.1:{plain}/explore", headers={"Host": HOST}, trust_env=False)
    assert (moved.status_code, moved.headers["Location"]) == (301, f"https://{HOST}:{tls}/explore")

    page = ask(tls, "GET", "/auth/register")
    assert page.status_code == 200 and "Español" in page.text, "no catalog was compiled"
    password = {"password": "tide pool lantern 7", "password2": "tide pool lantern 7"}
    where, values = fill(page.text, {"username": "ana", "email": "ana@example.org", **password}, "/auth/register", None)
    cookie = "; ".join(value.split(";")[0] for value in page.headers.get_list("Set-Cookie"))
    origin = {"Cookie": cookie, "Referer": f"https://{HOST}:{tls}/auth/register"}
    answer = ask(tls, "POST", where, headers=origin, data=values)
    assert answer.status_code == 303, answer.text
    wait_for(lambda: mails.to("ana@example.org"), seconds=60, why="the worker's email")
    assert f"https://{HOST}:{tls}/auth/register/" in mails.to("ana@example.org")[0].text

    assert ask(tls, "POST", "/auth/login", content=b"x" * (21 * 2**20 + 1)).status_code == 413


@pytest.mark.parametrize("unit", sorted(path.name for path in DEPLOY.glob("*.service")))
def test_systemd_units_are_valid(unit, tmp_path):
    analyze = programs("systemd-analyze")
    name = unit.replace("@", "@1")
    (tmp_path / name).write_text((DEPLOY / unit).read_text().replace("/srv/microblog", str(ROOT)))
    done = subprocess.run([analyze, "verify", "--man=no", tmp_path / name], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and not done.stderr, done.stderr


def test_compose_file_starts_the_procfile_processes():
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    processes = set(re.findall(r"^([a-z]+):", (ROOT / "Procfile").read_text(), re.MULTILINE))
    ours = {name: service for name, service in services.items() if service["image"] == "microblog"}
    assert set(ours) == processes
    for name, service in ours.items():
        assert service.get("command", ["deploy/process", "web"]) == ["deploy/process", name]
