"""The keys of several worker processes, in one file that each reads before it verifies a token."""

import fcntl
import json
import os
import time
import urllib.request

import jwt

COOLDOWN_S = 30
MAX_AGE_S = 600


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args):
        return None


opener = urllib.request.build_opener(NoRedirect)


class SharedKeys:
    def __init__(self, path: str, jwks_uri: str):
        self.path = path  # in a directory that only the API can write to: whoever writes here makes tokens
        self.jwks_uri = jwks_uri
        self.loaded: tuple[bytes, dict[str, jwt.PyJWK]] = b"", {}
        self.tried_at = 0.0

    def refresh(self) -> list[str]:
        """Returns when no worker uses the former keys any more. The fetch began after the call: one worker fetches after the
        other, so an older set never replaces a newer."""
        self.tried_at = time.time()
        with open(f"{self.path}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with opener.open(self.jwks_uri, timeout=5) as response:
                found = response.read()
            kids = list(parse(found))
            with open(f"{self.path}.new", "wb") as file:
                file.write(found)
            os.replace(file.name, self.path)
        return kids

    def current(self) -> dict[str, jwt.PyJWK]:
        """Before each use. Some kilobytes from the page cache: microseconds."""
        with open(self.path, "rb") as file:
            found = file.read()
        known, keys = self.loaded
        if found != known:
            keys = parse(found)
            self.loaded = found, keys
        return keys

    def key(self, kid: str) -> jwt.PyJWK:
        if kid not in self.current() or time.time() - os.stat(self.path).st_mtime > MAX_AGE_S:
            self.fetch_again()
        return self.current()[kid]

    def fetch_again(self) -> None:
        """One fetch, then none for a while, or anybody with a made-up kid could make this worker fetch all day."""
        if time.time() - self.tried_at < COOLDOWN_S:
            return
        try:
            self.refresh()
        except Exception as error:
            print(f"JWKS fetch failed: {error}", flush=True)


def parse(found: bytes) -> dict[str, jwt.PyJWK]:
    keys = jwt.PyJWKSet.from_dict(json.loads(found)).keys
    return {key.key_id: key for key in keys if key.key_id and key.public_key_use != "enc"}
