"""An authorization server as far as Weir sees it: a key set at a URL, and tokens signed with the openssl program."""

import base64
import http.server
import json
import pathlib
import re
import subprocess
import tempfile
import threading
import time


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def openssl(*arguments, data=None):
    done = subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=True)
    return done.stdout


def number(hexadecimal):
    return base64url(bytes.fromhex(hexadecimal if len(hexadecimal) % 2 == 0 else "0" + hexadecimal))


class Key:
    """An RSA or P-256 key of the openssl program."""

    def __init__(self, kid, algorithm="RS256"):
        self.kid, self.algorithm = kid, algorithm
        self._folder = tempfile.TemporaryDirectory(prefix="weir-issuer-")
        self.path = str(pathlib.Path(self._folder.name) / "key.pem")
        if algorithm == "RS256":
            openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", self.path)
        else:
            openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", self.path)

    def public(self):
        common = {"kid": self.kid, "use": "sig", "alg": self.algorithm}
        if self.algorithm == "RS256":
            modulus = openssl("rsa", "-in", self.path, "-noout", "-modulus").decode().strip().partition("=")[2]
            return {**common, "kty": "RSA", "n": number(modulus), "e": "AQAB"}
        text = openssl("pkey", "-in", self.path, "-noout", "-text_pub").decode()
        point = re.sub(r"[\s:]", "", re.search(r"pub:(.*?)ASN1", text, re.S).group(1))[2:]
        return {**common, "kty": "EC", "crv": "P-256", "x": number(point[:64]), "y": number(point[64:])}

    def sign(self, claims, header=None):
        head = {"alg": self.algorithm, "kid": self.kid, "typ": "at+jwt", **(header or {})}
        text = base64url(json.dumps(head).encode()) + "." + base64url(json.dumps(claims).encode())
        signature = openssl("dgst", "-sha256", "-sign", self.path, data=text.encode())
        if self.algorithm == "ES256":
            signature = self._raw(signature)
        return text + "." + base64url(signature)

    @staticmethod
    def _raw(der):
        """The two numbers of a DER signature, 32 bytes each (RFC 7518 section 3.4)."""
        raw, at = b"", 2
        for _ in range(2):
            size = der[at + 1]
            raw += der[at + 2:at + 2 + size].lstrip(b"\0").rjust(32, b"\0")
            at += 2 + size
        return raw


class Issuer:
    """Serves its key set on a port of the kernel's choice, and counts who asks."""

    def __init__(self, *keys):
        issuer = self
        self.keys = list(keys)
        self.fetches = 0

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.fetches += 1
                body = json.dumps({"keys": [key.public() for key in issuer.keys]}).encode()
                self.send_response(200 if self.path == "/keys" else 404)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *unused):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()

    def settings(self, *more):
        pairs = [f"auth.issuer={self.url}", f"auth.jwks_url={self.url}/keys", *more]
        return [word for pair in pairs for word in ("--set", pair)]

    def token(self, audience, subject="ann", scope="targets:read scans:read", key=None, header=None, **claims):
        now = int(time.time())
        return (key or self.keys[0]).sign({"iss": self.url, "aud": audience, "sub": subject, "exp": now + 300, "iat": now,
                                           "scope": scope, **claims}, header)
