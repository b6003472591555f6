"""Create the virtual environment (.venv). Install the packages of a lock file into it if the file has changed.

    python3 app/run/bootstrap.py runtime    packages to run the site: requirements.txt
    python3 app/run/bootstrap.py dev        the same, and packages for tests and linters: requirements-dev.txt

The system's Python runs this file before any package is installed, so the file imports only the standard library. A
Python version that is too old must still be able to parse it and print a clear error. So the file contains no newer
syntax, and no `from __future__ import annotations`, which is a syntax error before Python 3.7.
"""

import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST = (3, 11)
ROOT = Path(__file__).resolve().parent.parent.parent
LOCKS = {"runtime": "requirements.txt", "dev": "requirements-dev.txt"}


def main(arguments: "list[str]") -> int:
    """Prepare .venv for `arguments[0]` ("runtime" by default). Return the exit status."""
    refusal = why_not()
    if refusal:
        print(refusal, file=sys.stderr)
        return 1
    kind = arguments[0] if arguments else "runtime"
    if kind not in LOCKS:
        print(f"usage: bootstrap.py [{'|'.join(LOCKS)}]", file=sys.stderr)
        return 2
    try:
        return prepare(ROOT / ".venv", kind)
    except KeyboardInterrupt:
        print("Interrupted. Run the same command again to continue.", file=sys.stderr)
        return 130


def why_not() -> str:
    """Return the reason why this Python can't be used, as a sentence for the user; "" if it can be used."""
    if sys.version_info[:2] < OLDEST:
        return (
            f"Microblog needs Python {version(OLDEST)} or newer, and this is {version(sys.version_info[:2])}:"
            f" name another one, as in `make run PYTHON=python{version(OLDEST)}`."
        )
    if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
        return (
            "This Python lacks its `venv` module: install it (on Debian and Ubuntu: apt install python3-venv)"
            " and run the same command again."
        )
    return ""


def version(numbers: "tuple[int, ...]") -> str:
    """Format a Python version, such as "3.11"."""
    return f"{numbers[0]}.{numbers[1]}"


def prepare(venv: Path, kind: str) -> int:
    """Install the packages for `kind` ("runtime" or "dev") into `venv`, if needed. Return the exit status.

    A second process that calls this at the same time waits until the first one has finished.
    """
    folder = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)  # a second `make` at the same time waits, and then finds nothing to do
        return install(venv, kind)
    finally:
        os.close(folder)


def install(venv: Path, kind: str) -> int:
    """Install the packages for `kind` into `venv`, if the stamp file is not up to date. Return the exit status.

    The caller must hold a file lock on ROOT, so that two processes don't install at the same time.
    """
    wanted = fingerprint(kind)
    stamp = venv / ".installed.json"
    if wanted.items() <= read_stamp(stamp).items() and os.access(venv / "bin" / "python", os.X_OK):
        return 0
    if not is_usable(venv):
        print(f"Creating a virtual environment in {venv.name} ...", flush=True)
        shutil.rmtree(venv, ignore_errors=True)  # incomplete, or for another Python version
        if not quietly([sys.executable, "-m", "venv", str(venv)]):
            return 1
    print(f"Installing the packages from {LOCKS[kind]} ...", flush=True)
    stamp.unlink(missing_ok=True)  # an interrupted installation must not count as finished
    command = [str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-input", "--require-hashes"]
    if not quietly([*command, "--disable-pip-version-check", "-r", str(ROOT / LOCKS[kind])]):
        return 1
    # The lock file for development contains the runtime packages in the same versions.
    done = fingerprint("runtime") if kind == "dev" else {}
    stamp.write_text(json.dumps({**done, **wanted}))
    return 0


def fingerprint(kind: str) -> "dict[str, str]":
    """Return the digest of the lock file for `kind`, and the version of Python.

    The stamp file in a virtual environment contains the same values as long as the installed packages are up to date.
    """
    lock = hashlib.sha256((ROOT / LOCKS[kind]).read_bytes()).hexdigest()
    return {kind: lock, "python": version(sys.version_info[:2])}


def read_stamp(stamp: Path) -> "dict[str, str]":
    """Return the content of the stamp file, or {} if there is none or it is damaged.

    The stamp file is written at the end of a successful installation.
    """
    try:
        found = json.loads(stamp.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def is_usable(venv: Path) -> bool:
    """Return whether `venv` has the same Python version as this process, and a working pip."""
    check = f"import sys, pip._internal.cli.main; sys.exit(sys.version_info[:2] != {sys.version_info[:2]!r})"
    try:
        found = subprocess.run([str(venv / "bin" / "python"), "-c", check], capture_output=True, check=False)
    except OSError:
        return False
    return found.returncode == 0


def quietly(command: "list[str]") -> bool:
    """Run `command`, and print its output only if it fails. Return whether it succeeded."""
    environment = {**os.environ, "PIP_ROOT_USER_ACTION": "ignore"}
    done = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode:
        print(done.stdout.strip(), file=sys.stderr)
        print("This step failed. Fix the cause, then run the same command again.", file=sys.stderr)
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
