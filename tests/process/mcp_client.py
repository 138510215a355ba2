"""An assistant of either era, as plain as its wire: POSTs whose answers are read later, streams included."""

import http.client
import json

from weir_process import MODERN

SESSIONS = ("2025-03-26", "2025-06-18", "2025-11-25")


def metric(server, name):
    return next(float(line.split()[1]) for line in server.get("/metrics").body.splitlines() if line.startswith(name + " "))


def held_calls(server):
    return metric(server, "weir_held_calls")


class McpClient:
    """One assistant: a session of `version`, or requests that stand alone."""

    def __init__(self, server, key, version):
        self.server, self.key, self.version = server, key, version
        self.session = None
        if version != MODERN:
            opened = self.post({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
                "protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}}).read()
            assert opened[0] == 200, opened
            self.session = opened[1]["mcp-session-id"]

    def post(self, message):
        return Posted(self, message)

    def call(self, wait_ms, token=None, number=1):
        meta = {"weir/maxWaitMs": wait_ms}
        if token:
            meta["progressToken"] = token
        if self.version == MODERN:
            meta |= {"io.modelcontextprotocol/protocolVersion": MODERN, "io.modelcontextprotocol/clientCapabilities": {}}
        return self.post({"jsonrpc": "2.0", "id": number, "method": "tools/call",
                          "params": {"name": "list_targets", "arguments": {}, "_meta": meta}})

    def cancel(self, number=1):
        return self.post({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": number}}).read()[0]


class Posted:
    """A POST that was sent; its answer is read later."""

    def __init__(self, client, message):
        self.connection = http.client.HTTPConnection(client.server.host, client.server.port, timeout=30)
        headers = {"Authorization": f"Bearer {client.key}", "Content-Type": "application/json",
                   "Accept": "application/json, text/event-stream"}
        if client.session:
            headers["Mcp-Session-Id"] = client.session
        elif client.version == MODERN:
            headers |= {"MCP-Protocol-Version": MODERN, "Mcp-Method": message["method"], "Mcp-Name": "list_targets"}
        self.connection.request("POST", "/mcp", json.dumps(message), headers)

    def read(self):
        """(status, headers, messages): one message of JSON, or all of a stream."""
        try:
            response = self.connection.getresponse()
            headers = {name.lower(): value for name, value in response.getheaders()}
            body = response.read().decode()
            if not headers.get("content-type", "").startswith("text/event-stream"):
                return response.status, headers, [json.loads(body)] if body else []
            return response.status, headers, [json.loads(line[6:]) for line in body.splitlines()
                                              if line.startswith("data: {")]
        finally:
            self.connection.close()

    def leave(self):
        self.connection.close()
