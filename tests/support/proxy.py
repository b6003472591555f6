"""A TCP proxy that a test puts between a program and a service, and makes misbehave.

    with Proxy(valkey.port) as proxy:
        stack.restart("web", REDIS_URL=f"redis://127.0.0.1:{proxy.port}/0")
        proxy.drop_replies(to=b"RPUSH")     the push arrives, its answer does not, and the connection hangs
        proxy.cut(after=100)                each connection ends after 100 more bytes of answers
        proxy.refuse()                      nobody listens, and every connection is reset
        proxy.black_hole()                  connections are taken, and no byte passes in either direction
        proxy.delay(0.2)                    each chunk comes that much later
        proxy.pass_all()                    as if it were not there

A connection that was harmed never recovers, as in a network that lost it: `pass_all` is for what comes after.
`harmed` counts them.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any, Self

from tests.support.ports import free_port

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter


class _Link:
    """One connection through the proxy, and what has become of it."""

    def __init__(self, client: Writer, server: Writer) -> None:
        self.client, self.server = client, server
        self.deaf = False  # its answers are swallowed
        self.lost = False  # nothing passes any more
        self.left: int | None = None  # bytes of answers it may still pass

    def reset(self) -> None:
        for end in (self.client, self.server):
            end.transport.abort()


class Proxy:
    """127.0.0.1:`port`, leading to 127.0.0.1:`target`."""

    def __init__(self, target: int) -> None:
        self.port = free_port()
        self.harmed = 0
        self._target = target
        self._mode: Callable[[_Link], None] = lambda _link: None
        self._needle = b""
        self._delay = 0.0
        self._links: set[_Link] = set()
        self._server: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._listen())
        return self

    def __exit__(self, *_error: object) -> None:
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def pass_all(self) -> None:
        """Behave, for new connections and for those that were not harmed."""
        self._do(self._change(lambda _link: None))

    def drop_replies(self, to: bytes) -> None:
        """Forward everything, but swallow the answers on a connection from the request on that contains `to`."""
        self._do(self._change(lambda _link: None, needle=to))

    def cut(self, after: int) -> None:
        """End each connection once it has passed `after` more bytes of answers."""

        def limit(link: _Link) -> None:
            link.left = after

        self._do(self._change(limit))

    def refuse(self) -> None:
        """Reset every connection and stop listening, as a service that was killed."""
        self._do(self._refuse())

    def black_hole(self) -> None:
        """Swallow everything in both directions, as a network that lost a host."""

        def lose(link: _Link) -> None:
            link.lost = True
            self.harmed += 1

        self._do(self._change(lose))

    def delay(self, seconds: float) -> None:
        """Hold each chunk back, requests and answers alike."""
        self._do(self._change(lambda _link: None, delay=seconds))

    def _do(self, task: Any) -> None:
        asyncio.run_coroutine_threadsafe(task, self._loop).result(10)

    async def _change(self, mode: Callable[[_Link], None], *, needle: bytes = b"", delay: float = 0.0) -> None:
        self._mode, self._needle, self._delay = mode, needle, delay
        for link in self._links:
            link.left = None
            mode(link)
        if self._server is None:
            await self._listen()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def _refuse(self) -> None:
        await self._change(lambda _link: None)
        assert self._server is not None
        self._server.close()
        self._server = None
        self.harmed += len(self._links)
        for link in self._links:
            link.reset()

    async def _end(self) -> None:
        if self._server is not None:
            self._server.close()
        for link in self._links:
            link.reset()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: Reader, writer: Writer) -> None:
        try:
            from_server, to_server = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        link = _Link(writer, to_server)
        self._links.add(link)
        self._mode(link)
        try:
            await asyncio.gather(self._requests(link, reader), self._answers(link, from_server))
        except (OSError, asyncio.CancelledError):
            pass  # the end of a connection, or of the proxy
        finally:
            link.reset()
            self._links.discard(link)

    async def _requests(self, link: _Link, reader: Reader) -> None:
        while chunk := await reader.read(65536):
            await asyncio.sleep(self._delay)
            if self._needle and self._needle in chunk and not link.deaf:
                link.deaf = True
                self.harmed += 1
            if not link.lost:
                link.server.write(chunk)
                await link.server.drain()
        link.reset()

    async def _answers(self, link: _Link, reader: Reader) -> None:
        while chunk := await reader.read(65536):
            await asyncio.sleep(self._delay)
            if link.lost or link.deaf:
                continue
            if link.left is not None and len(chunk) > link.left:
                link.client.write(chunk[: link.left])
                await link.client.drain()
                self.harmed += 1
                break
            if link.left is not None:
                link.left -= len(chunk)
            link.client.write(chunk)
            await link.client.drain()
        link.client.close()  # what was written goes out first
        link.server.transport.abort()
