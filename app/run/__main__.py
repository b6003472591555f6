"""Serve the site on one machine, or add sample data to it.

- `python -m app.run` serves the site.
- `python -m app.run dev` serves the site, and restarts processes when files change.
- `python -m app.run demo` adds sample users, posts and messages.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace

from app import create_app
from app.config import ROOT, ConfigurationError, Settings
from app.run import prepare
from app.run.ports import PortUnavailable
from app.run.prepare import StartupError
from app.run.services import Services, is_set
from app.run.supervisor import Supervisor


def main(arguments: list[str]) -> int:
    """Run the command that the command-line `arguments` name. Return the exit status."""
    try:
        settings = Settings.from_env()
        prepare.data_directory(settings.data_dir)
        if arguments == ["demo"]:
            return demo(settings)
        return serve(settings, reload=arguments == ["dev"])
    except ConfigurationError as error:
        print(f"Invalid settings: {error}.", file=sys.stderr)
    except (StartupError, PortUnavailable) as error:
        print(error, file=sys.stderr)
    return 1


def serve(settings: Settings, *, reload: bool = False) -> int:
    """Serve the site until a signal requests a stop. If `reload` is true, restart processes when files change.

    Raises PortUnavailable if the site's port can't be used, and StartupError if the site can't start for another
    reason.
    """
    held = prepare.lock(settings.data_dir)
    services = Services(settings, reload=reload)
    supervisor = Supervisor(services)
    supervisor.take_signals()
    try:
        supervisor.begin_redis()  # starts while the schema is checked
        prepare.migrate(create_app(replace(settings, redis_url=services.redis_url)))
        supervisor.begin()
        supervisor.serve()
    finally:
        supervisor.end()
        os.close(held)
    return 0


def demo(settings: Settings) -> int:
    """Migrate the database, and replace this process with `flask demo`.

    If the site is already running on the same data directory, use its Redis and its URL. Then its workers run the
    demo's jobs immediately.
    """
    prepare.migrate(create_app(settings))
    running = prepare.read_state(settings.data_dir)
    if running.get("redis_url") and not is_set("REDIS_URL"):
        os.environ["REDIS_URL"] = running["redis_url"]
    if running.get("site") and not is_set("PUBLIC_URL"):
        os.environ["PUBLIC_URL"] = running["site"]  # needed if PORT is set only in the environment of the running site
    os.chdir(ROOT)
    os.execv(sys.executable, [sys.executable, "-m", "flask", "demo"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
