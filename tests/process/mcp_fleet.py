"""Many MCP clients at once on one thread: streams of subscriptions/listen and GET streams of sessions, and how soon each
hears of a change."""

import json
import selectors
import socket
import time

from weir_process import MODERN

SESSIONS_PER_KEY = 250  # the server keeps 256 for one key


def post_bytes(server, key, body, headers=()):
    text = json.dumps(body).encode()
    head = [f"POST /mcp HTTP/1.1", f"Host: {server.host}:{server.port}", f"Authorization: Bearer {key}",
            "Content-Type: application/json", "Accept: application/json, text/event-stream",
            f"Content-Length: {len(text)}", *headers]
    return ("\r\n".join(head) + "\r\n\r\n").encode() + text


class Fleet:
    """Opens and reads the streams. One of each pair is a stream of 2026-07-28, the other of a session of 2025-11-25."""

    def __init__(self, server, uri):
        self.server = server
        self.uri = uri
        self.selector = selectors.DefaultSelector()
        self.streams = []
        self.sessions = []

    def _connect(self, request, kind):
        connection = socket.create_connection((self.server.host, self.server.port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(request)
        head = connection.recv(65536)
        assert head.startswith(b"HTTP/1.1 200"), head[:300]
        connection.setblocking(False)
        self.selector.register(connection, selectors.EVENT_READ, kind)
        self.streams.append(connection)

    def open_listening(self, key, count):
        body = {"jsonrpc": "2.0", "id": 1, "method": "subscriptions/listen", "params": {
            "notifications": {"resourceSubscriptions": [self.uri]},
            "_meta": {"io.modelcontextprotocol/protocolVersion": MODERN, "io.modelcontextprotocol/clientCapabilities": {}}}}
        request = post_bytes(self.server, key, body, (f"MCP-Protocol-Version: {MODERN}", "Mcp-Method: subscriptions/listen"))
        for _ in range(count):
            self._connect(request, "listen")

    def open_sessions(self, keys, count):
        """Each with a GET stream and a subscription. `keys` are enough for `count` sessions."""
        for number in range(count):
            key = keys[number // SESSIONS_PER_KEY]
            opened = self.server.post("/mcp", {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
                "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "fleet", "version": "1"}}},
                key=key, headers={"Accept": "application/json, text/event-stream"})
            assert opened.status == 200, opened.body
            session = opened.headers["mcp-session-id"]
            self.sessions.append((key, session))
            subscribed = self.server.post("/mcp", {"jsonrpc": "2.0", "id": 2, "method": "resources/subscribe",
                                                   "params": {"uri": self.uri}}, key=key,
                                          headers={"Accept": "application/json, text/event-stream", "Mcp-Session-Id": session})
            assert subscribed.json.get("result") == {}, subscribed.body
            self._connect((f"GET /mcp HTTP/1.1\r\nHost: {self.server.host}:{self.server.port}\r\nAuthorization: Bearer {key}\r\n"
                           f"Accept: text/event-stream\r\nMcp-Session-Id: {session}\r\n\r\n").encode(), "session")

    def _read(self, heard, until):
        for entry, _ in self.selector.select(max(0.0, until - time.time())):
            now = time.time()
            try:
                data = entry.fileobj.recv(65536)
            except BlockingIOError:
                continue
            assert data, "the server closed a stream"
            if b"notifications/resources/updated" in data:
                heard.setdefault(entry.fileobj, (now, entry.data))

    def drain(self, seconds):
        """Reads what is still on its way."""
        until = time.time() + seconds
        while time.time() < until:
            self._read({}, until)

    def hear(self, seconds):
        """When each stream first heard of a change, as (time, kind); fewer than all after that many seconds."""
        heard = {}
        until = time.time() + seconds
        while len(heard) < len(self.streams) and time.time() < until:
            self._read(heard, until)
        return list(heard.values())

    def close(self):
        self.selector.close()
        for stream in self.streams:
            stream.close()
        for key, session in self.sessions:
            ended = self.server.request("DELETE", "/mcp", key=key, headers={"Mcp-Session-Id": session})
            assert ended.status == 204, ended.body
        self.streams, self.sessions = [], []
