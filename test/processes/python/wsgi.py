"""The API behind gunicorn. A refresh of all workers is gunicorn's own: SIGHUP to the master, which replaces them."""

import fcntl
import os
import signal
import time
from http import HTTPStatus
from pathlib import Path

import api

RELOADED_AT = api.PROCESSES.parent / "reloaded-at"
BOOTED_AT = time.monotonic()


def app(environ, start_response):
    method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
    status, headers, body = api.answer(method, path, environ.get("HTTP_AUTHORIZATION", ""), reload_workers)
    start_response(f"{status} {HTTPStatus(status).phrase}", headers)
    return [body]


def reload_workers() -> None:
    """Returns when each worker has keys that were fetched after this call.

    A sync worker that waits here can't be replaced. So it fetches for itself first, and waits only for workers whose keys
    are older than this call: of two that wait, the earlier never waits for the later."""
    asked = time.monotonic()
    api.fetch_keys()
    reload_since(asked)
    while any(is_alive(worker) and keys_since(worker) <= asked for worker in api.PROCESSES.iterdir()):
        time.sleep(0.05)


def reload_since(asked: float) -> None:
    """One SIGHUP does for all calls that came before it. The next one waits until all workers of before have ended, so a
    worker that is being replaced can't wait for it."""
    with open(RELOADED_AT, "a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        reloaded = float(file.read() or 0)
        if reloaded > asked:
            return
        if reloaded > BOOTED_AT:
            raise api.AskAgain
        file.truncate(0)
        file.write(str(time.monotonic()))
        file.flush()
        os.kill(os.getppid(), signal.SIGHUP)


def is_alive(worker: Path) -> bool:
    try:
        os.kill(int(worker.name), 0)
    except ProcessLookupError:
        return False
    return True


def keys_since(worker: Path) -> float:
    return float(worker.read_text() or 0)
