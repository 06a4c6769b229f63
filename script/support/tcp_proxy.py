"""A TCP proxy that can stop forwarding: the network between one node and Redis, for script/cluster-test.

While it is cut nothing is forwarded and nothing is closed, new connections are accepted and stay silent: to both sides it looks like a
network that swallows packets, which is worse than one that refuses.
"""

import asyncio
import threading


class Proxy:
    def __init__(self, target_port):
        self.target = target_port
        self.port = None
        self._open = None
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._ready.wait(5)

    def _run(self):
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._start())
        self._loop.run_forever()

    async def _start(self):
        self._open = asyncio.Event()
        self._open.set()
        self._tasks = set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self._ready.set()

    async def _serve(self, reader, writer):
        task = asyncio.current_task()
        self._tasks.add(task)
        other = None
        try:
            await self._open.wait()
            back, other = await asyncio.open_connection("127.0.0.1", self.target)
            await asyncio.gather(self._copy(reader, other), self._copy(back, writer))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            for end in (writer, other):
                if end is not None:
                    end.close()

    async def _copy(self, reader, writer):
        while True:
            data = await reader.read(1 << 16)
            await self._open.wait()
            if not data:
                break
            writer.write(data)
            await writer.drain()
        writer.close()

    def cut(self):
        """Stops forwarding, in both directions, of what is on its way as well."""
        self._loop.call_soon_threadsafe(self._open.clear)

    def heal(self):
        """Forwards again, first what was held: as delayed packets would arrive."""
        self._loop.call_soon_threadsafe(self._open.set)

    def stop(self):
        def end():
            self._server.close()
            for task in list(self._tasks):
                task.cancel()
            self._loop.call_later(0.1, self._loop.stop)
        self._loop.call_soon_threadsafe(end)
        self._thread.join(5)
