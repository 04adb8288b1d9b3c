"""The API behind uvicorn. A refresh of all workers is a count that they share: who sees that it has grown fetches first.

Not SIGHUP: uvicorn replaces one worker after the other, and waits for each to end, so a worker that waits for all never would."""

import asyncio
import os
import threading

import api

REFRESHES = api.PROCESSES.parent / "refreshes"  # its length in bytes is the count
lock = threading.Lock()
seen = 0


async def app(scope, receive, send):
    authorization = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
    # A fetch of keys blocks.
    status, headers, body = await asyncio.to_thread(respond, scope["method"], scope["path"], authorization)
    encoded = [(name.encode(), value.encode()) for name, value in headers]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})


def respond(method: str, path: str, authorization: str):
    catch_up()
    return api.answer(method, path, authorization, count_refresh)


def count_refresh() -> None:
    with open(REFRESHES, "ab") as file:
        file.write(b".")
    catch_up()


def catch_up() -> None:
    global seen
    with lock:
        count = os.stat(REFRESHES).st_size if REFRESHES.exists() else 0
        if count != seen:
            api.fetch_keys()
            seen = count
