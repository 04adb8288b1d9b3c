"""Refresh and probe in several worker processes, for gunicorn (api:wsgi) and uvicorn (api:asgi). The rest of the contract is as
in ../python/server.py."""

import asyncio
import hashlib
import hmac
import json
import os
import time
from http import HTTPStatus

import jwt

from shared_keys import SharedKeys

ISSUER = os.environ["ISSUER"]
AUDIENCE = os.environ.get("AUDIENCE")
REFRESH_TOKEN = os.environ.get("INTERNAL_JWKS_REFRESH_TOKEN", "")
ALGORITHMS = {"RS256", "PS256", "ES256", "EdDSA"}  # never "none", never HS*
WORKERS = int(os.environ.get("WEB_CONCURRENCY", "1"))  # gunicorn and uvicorn start as many
STARTED_AT = time.time_ns() // 1_000_000

keys = SharedKeys(os.environ["JWKS_FILE"], os.environ.get("JWKS_URI", f"{ISSUER}/protocol/openid-connect/certs"))


def process_name() -> str:
    """Asked for with each answer: with gunicorn --preload this module was loaded before the workers were forked."""
    return f'"{os.getpid()}-{STARTED_AT}"; of={WORKERS}'


def answer(method: str, path: str, authorization: str) -> tuple[int, dict]:
    scheme, _, token = authorization.partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else ""
    if (method, path) == ("POST", "/internal/auth/jwks/refresh"):
        return refresh(bearer)
    if (method, path) != ("GET", "/api/me"):
        return 404, {"error": "not_found"}
    try:
        return 200, {"sub": verify(bearer)["sub"]}
    except (jwt.PyJWTError, KeyError):
        return 401, {"error": "invalid_token"}


def refresh(bearer: str) -> tuple[int, dict]:
    if not REFRESH_TOKEN:
        return 404, {"error": "not_found"}
    if not hmac.compare_digest(*(hashlib.sha256(text.encode()).digest() for text in (bearer, REFRESH_TOKEN))):
        return 401, {"error": "invalid_token"}
    try:
        return 200, {"kids": keys.refresh()}
    except Exception as error:
        print(f"JWKS fetch failed: {error}", flush=True)
        return 502, {"error": "jwks_unreachable"}


def verify(token: str) -> dict:
    key = keys.key(jwt.get_unverified_header(token)["kid"])
    if key.algorithm_name not in ALGORITHMS:
        raise jwt.InvalidAlgorithmError(key.algorithm_name)
    rules = {"require": ["exp", "sub"], "verify_aud": AUDIENCE is not None}
    return jwt.decode(token, key.key, [key.algorithm_name], rules, issuer=ISSUER, audience=AUDIENCE, leeway=5)


def wsgi(environ, start_response):
    given = environ.get("HTTP_AUTHORIZATION", "")
    status, body = answer(environ["REQUEST_METHOD"], environ["PATH_INFO"], given)
    headers = [("Content-Type", "application/json"), ("JWKS-Process", process_name())]
    start_response(f"{status} {HTTPStatus(status).phrase}", headers)
    return [json.dumps(body).encode()]


async def asgi(scope, receive, send):
    if scope["type"] != "http":
        return
    given = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
    # In a thread: a fetch must not stop the event loop.
    status, body = await asyncio.to_thread(answer, scope["method"], scope["path"], given)
    headers = [(b"content-type", b"application/json"), (b"jwks-process", process_name().encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})


while True:
    try:
        print(f"JWKS bootstrap ok kids={json.dumps(keys.refresh())}", flush=True)
        break
    except Exception as error:
        print(f"JWKS fetch failed: {error}", flush=True)
        time.sleep(1)
