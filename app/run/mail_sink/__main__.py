"""`python -m app.run.mail_sink SMTP_PORT PAGE_PORT`: run the SMTP server and the web page until SIGTERM."""

from __future__ import annotations

import logging
import signal
import sys
import threading

from werkzeug.serving import make_server

from app.catalogs.loading import load_all
from app.config import Settings
from app.run.mail_sink.page import create_page
from app.run.mail_sink.smtp import listen
from app.run.mail_sink.store import MailStore


def main(smtp_port: int, page_port: int) -> None:
    """Serve until SIGTERM or SIGINT. Raises OSError if a port is in use."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    settings = Settings.from_env()
    store = MailStore(settings.data_dir / "mail")
    catalogs = load_all(settings.translations_dir, settings.data_dir / "catalogs")
    server = make_server("127.0.0.1", page_port, create_page(store, catalogs), threaded=True)
    smtp = listen(store, smtp_port)
    # shutdown() waits until serve_forever() returns, so it must run in another thread.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever(poll_interval=0.1)
    smtp.stop()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
