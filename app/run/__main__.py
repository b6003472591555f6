"""Run the site: `python -m app.run` serves it, `… dev` reloads it on changes, `… demo` adds sample users and posts."""

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
    """Run the command in `arguments`. Return the exit status."""
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
    """Serve the site until a signal. If `reload` is true, restart processes when files change.

    Raises StartupError and PortUnavailable.
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
    """Prepare the data, and replace this process with `flask demo`.

    If a site is running on the same data, its Redis and its address are used, so that it runs the demo's jobs at once.
    """
    prepare.migrate(create_app(settings))
    running = prepare.read_state(settings.data_dir)
    if running.get("redis_url") and not is_set("REDIS_URL"):
        os.environ["REDIS_URL"] = running["redis_url"]
    if running.get("site") and not is_set("PUBLIC_URL"):
        os.environ["PUBLIC_URL"] = running["site"]  # PORT may have been set in that site's environment only
    os.chdir(ROOT)
    os.execv(sys.executable, [sys.executable, "-m", "flask", "demo"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
