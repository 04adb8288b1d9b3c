"""A small API that can be told to forget a stolen signing key: all of ../../openapi.yaml. Needs Python 3.10 or later and PyJWT."""

import hashlib
import hmac
import json
import os
import sys
import threading
import time
import urllib.request
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import jwt

HOST = os.environ.get("HOST", "127.0.0.1")  # in a pod 0.0.0.0: it is asked by its own address
PORT = int(os.environ.get("PORT", "8080"))
ISSUER = os.environ["ISSUER"]
AUDIENCE = os.environ.get("AUDIENCE")
JWKS_URI = os.environ.get("JWKS_URI", f"{ISSUER}/protocol/openid-connect/certs")
REFRESH_TOKEN = os.environ.get("INTERNAL_JWKS_REFRESH_TOKEN", "")
ALGORITHMS = {"RS256", "PS256", "ES256", "EdDSA"}  # never "none", never HS*
MAX_AGE_S = 600
COOLDOWN_S = 30
# Names this process, which is the only one at its address. A worker of gunicorn or uvicorn would make the name after the
# fork, and read the number of workers from WEB_CONCURRENCY, as gunicorn and uvicorn do.
PROCESS_NAME = f'"{os.getpid()}-{time.time_ns() // 1_000_000}"; of=1'


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args):
        return None


opener = urllib.request.build_opener(NoRedirect)


class KeyCache:
    def __init__(self):
        self.keys: dict[str, jwt.PyJWK] = {}
        self.fetched_at = self.tried_at = 0.0
        self.lock = threading.Lock()

    def refresh(self) -> list[str]:
        """Returns when the keys have been replaced by a fetch that began after the call. One fetch after the other: a call
        never joins an earlier one, which may bring the set from before a rotation, and an older set never replaces a newer."""
        with self.lock:
            return self.fetch()

    def fetch(self) -> list[str]:
        self.tried_at = time.time()
        with opener.open(JWKS_URI, timeout=5) as response:
            found = jwt.PyJWKSet.from_dict(json.load(response))
        self.keys = {key.key_id: key for key in found.keys if key.key_id and key.public_key_use != "enc"}
        self.fetched_at = time.time()
        return list(self.keys)

    def fetch_if(self, wanted) -> None:
        """One fetch, then none for a while, or anybody with a made-up kid could make this API ask all day. A fetch that
        fails leaves the keys as they were: Keycloak's bad minute is not the API's."""
        with self.lock:
            if not wanted() or time.time() - self.tried_at < COOLDOWN_S:
                return
            try:
                self.fetch()
            except Exception as error:
                log_failure(error)

    def verify(self, token: str) -> dict:
        kid = jwt.get_unverified_header(token)["kid"]
        wanted = lambda: time.time() - self.fetched_at > MAX_AGE_S or kid not in self.keys
        if wanted():
            self.fetch_if(wanted)
        key = self.keys[kid]
        if key.algorithm_name not in ALGORITHMS:
            raise jwt.InvalidAlgorithmError(key.algorithm_name)
        rules = {"require": ["exp", "sub"], "verify_aud": AUDIENCE is not None}
        return jwt.decode(token, key.key, [key.algorithm_name], rules, issuer=ISSUER, audience=AUDIENCE, leeway=5)


cache = KeyCache()
denied: set[str] = set()
frozen = threading.Event()


def same(given: str, expected: str) -> bool:
    """In constant time: hashes are of equal length, whatever was sent."""
    return hmac.compare_digest(*(hashlib.sha256(text.encode()).digest() for text in (given, expected)))


def log_failure(error: Exception) -> None:
    print(f"JWKS fetch failed: {error}", file=sys.stderr, flush=True)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def serve(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        path = self.path.split("?", 1)[0]
        self.answer(*(self.internal(path) if path.startswith("/internal/") else self.user(path)))

    do_GET = do_POST = do_PUT = do_DELETE = serve

    def internal(self, path: str) -> tuple:
        if not REFRESH_TOKEN:
            return 404, {"error": "not_found"}
        if not same(self.bearer(), REFRESH_TOKEN):
            return 401, {"error": "invalid_token"}
        if (self.command, path) == ("POST", "/internal/auth/jwks/refresh"):
            return self.refreshed()
        deny_list = "/internal/auth/deny-list/"
        if self.command not in ("PUT", "DELETE"):
            return 404, {"error": "not_found"}
        put = self.command == "PUT"
        if path == "/internal/admin/freeze":
            frozen.set() if put else frozen.clear()
        elif path.startswith(deny_list) and path != deny_list:
            sid = unquote(path.removeprefix(deny_list))
            denied.add(sid) if put else denied.discard(sid)
        else:
            return 404, {"error": "not_found"}
        return (204,)

    def refreshed(self) -> tuple:
        try:
            kids = cache.refresh()
        except Exception as error:
            log_failure(error)
            return 502, {"error": "jwks_unreachable"}
        return 200, {"kids": kids, "fetchedAt": datetime.now(timezone.utc).isoformat()}

    def user(self, path: str) -> tuple:
        try:
            claims = cache.verify(self.bearer())
        except (jwt.PyJWTError, KeyError):
            return 401, {"error": "invalid_token"}
        if claims.get("sid") in denied:
            return 401, {"error": "invalid_token"}
        if path == "/api/me":
            return 200, {"sub": claims["sub"]}
        if path != "/api/admin":
            return 404, {"error": "not_found"}
        if "admin" not in claims.get("realm_access", {}).get("roles", []):
            return 403, {"error": "forbidden"}
        if frozen.is_set() and self.command != "GET":
            return 423, {"error": "admin_frozen"}
        return 200, {"sub": claims["sub"]}

    def bearer(self) -> str:
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""

    def answer(self, status: int, body: dict | None = None) -> None:
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        if status == 401:
            self.send_header("www-authenticate", 'Bearer error="invalid_token"')
        if status != 204:
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def end_headers(self) -> None:
        self.send_header("JWKS-Process", PROCESS_NAME)
        super().end_headers()

    def log_message(self, *args) -> None:
        pass


while cache.fetched_at == 0:
    try:
        cache.refresh()
    except Exception as error:
        log_failure(error)
        time.sleep(1)
# Proves that a restarted process started with the published keys: the program looks for this line.
print(f"JWKS bootstrap ok kids={json.dumps(list(cache.keys))}", flush=True)
server = ThreadingHTTPServer((HOST, PORT), Handler)
print(f"listening on http://{HOST}:{server.server_address[1]}", flush=True)
server.serve_forever()
