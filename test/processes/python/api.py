"""One worker's API, as a competent user of PyJWT writes it: its PyJWKClient keeps the whole key set, with the defaults."""

import hmac
import json
import os
import threading
import time
from pathlib import Path

import jwt

ISSUER = os.environ["ISSUER"]
AUDIENCE = os.environ.get("AUDIENCE")
JWKS_URI = os.environ.get("JWKS_URI", f"{ISSUER}/protocol/openid-connect/certs")
REFRESH_TOKEN = os.environ.get("INTERNAL_JWKS_REFRESH_TOKEN", "")
REFRESH = os.environ["REFRESH"]  # none, one or all
WORKERS = os.environ["WORKERS"]
NAMES_ITS_PROCESS = os.environ["PROCESS_HEADER"] == "yes"
# Each worker has a file here, named by its process id: empty until it has keys, then since when it has them.
PROCESSES = Path(os.environ["PROCESSES_DIR"])
ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]

client = jwt.PyJWKClient(JWKS_URI)
# One fetch after the other, so that an older set never replaces a newer one.
lock = threading.Lock()


class AskAgain(Exception):
    """This worker can't see a refresh of all workers through, the next one asked can."""


def fetch_keys() -> None:
    with lock:
        began = time.monotonic()
        client.get_jwk_set(refresh=True)
        (PROCESSES / str(os.getpid())).write_text(str(began))


def is_accepted(token: str) -> bool:
    rules = {"require": ["exp", "sub"], "verify_aud": AUDIENCE is not None}
    try:
        with lock:
            key = client.get_signing_key_from_jwt(token)
        jwt.decode(token, key, ALGORITHMS, rules, issuer=ISSUER, audience=AUDIENCE)
    except jwt.PyJWTError:
        return False
    return True


def answer(method: str, path: str, authorization: str, refresh_all) -> tuple[int, list[tuple[str, str]], bytes]:
    status = status_of(method, path, authorization.removeprefix("Bearer "), refresh_all)
    body = json.dumps({"status": status}).encode()
    headers = [("content-type", "application/json"), ("content-length", str(len(body)))]
    if NAMES_ITS_PROCESS:
        headers.append(("jwks-process", f"{os.getpid()}; of={WORKERS}"))
    return status, headers, body


def status_of(method: str, path: str, token: str, refresh_all) -> int:
    if (method, path) == ("GET", "/api/me"):
        return 200 if is_accepted(token) else 401
    if (method, path) != ("POST", "/internal/auth/jwks/refresh") or REFRESH == "none" or not REFRESH_TOKEN:
        return 404
    if not hmac.compare_digest(token.encode(), REFRESH_TOKEN.encode()):
        return 401
    try:
        refresh_all() if REFRESH == "all" else fetch_keys()
    except jwt.PyJWTError:
        return 502
    except AskAgain:
        return 503
    return 200


# Before the first fetch, so that no worker with keys from before a refresh escapes those who wait for all.
(PROCESSES / str(os.getpid())).touch()
fetch_keys()
