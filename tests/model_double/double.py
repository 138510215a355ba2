#!/usr/bin/env python3
"""The test double of a model provider: POST /v1/chat/completions and POST /v1/messages from hand-written transcripts.

A program of its own, with nothing of the server in it. The model's name chooses the transcript: "story", or "story.cut17" to
send the 17th byte and what follows apart from what stands before, or "story.each1" to send every byte apart. What is asked
of it is checked; a request that a provider would refuse, or that the transcript does not go on from, is answered with 400
and kept. GET /double/requests tells what was asked and what was wrong (GET /double/violations only that), POST /double/reset
forgets it.
"""

import argparse
import hashlib
import http.server
import json
import re
import socket
import sys
import threading

import anthropic_wire
import openai_wire
import transcript

MODEL = re.compile(r"([a-z0-9_]+)(?:\.(cut|each)(\d+))?")
REQUESTS_MAX = 10_000
BODY_BYTES_MAX = 16 * 1024 * 1024
WIRES = {openai_wire.PATH: ("openai", openai_wire), anthropic_wire.PATH: ("anthropic", anthropic_wire)}


class State:
    """What is remembered between requests. Thread-safe."""

    def __init__(self, key):
        self.key = key
        self._lock = threading.Lock()
        self.reset()

    def reset(self):
        with self._lock:
            self.requests, self.violations, self.said, self.tries = [], [], {}, {}

    def keep(self, request):
        with self._lock:
            if len(self.requests) < REQUESTS_MAX:
                self.requests.append(request)

    def violate(self, where, objections):
        with self._lock:
            self.violations += [f"{where}: {objection}" for objection in objections]

    def try_of(self, key):
        """How often this was asked before."""
        with self._lock:
            self.tries[key] = self.tries.get(key, -1) + 1
            return self.tries[key]

    def remember(self, said):
        with self._lock:
            self.said.update(said)

    def what_was_said(self):
        with self._lock:
            return dict(self.said)

    def report(self):
        with self._lock:
            return {"requests": list(self.requests), "violations": list(self.violations)}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state = None
    timeout = 60

    def log_message(self, *unused):
        pass

    def setup(self):
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _json(self, status, document, headers=()):
        body = json.dumps(document).encode()
        self.send_response(status)
        for name, value in (("Content-Type", "application/json"), ("Content-Length", str(len(body))), *headers):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _refuse(self, wire, status, message, objections):
        self.state.violate(self.path, objections)
        self._json(status, wire.error_body(status, message))

    def do_GET(self):
        if self.path == "/double/requests":
            return self._json(200, self.state.report())
        if self.path == "/double/violations":
            return self._json(200, self.state.report()["violations"])
        if self.path.split("?")[0] == "/v1/models":
            folder, wire = ("anthropic", anthropic_wire) if "anthropic-version" in self.headers else ("openai", openai_wire)
            headers = {name.lower(): value for name, value in self.headers.items()}
            objections = wire.header_objections(headers, self.state.key)
            if objections:
                return self._refuse(wire, 401, "invalid x-api-key or bearer token", objections)
            return self._json(200, wire.models_body(transcript.scenarios(folder)))
        return self._json(404, {"error": {"message": f"no such path: {self.path}"}})

    def do_POST(self):
        body = self.rfile.read(min(int(self.headers.get("Content-Length") or 0), BODY_BYTES_MAX))
        if self.path == "/double/reset":
            self.state.reset()
            return self._json(200, {})
        if self.path not in WIRES:
            return self._json(404, {"error": {"message": f"no such path: {self.path}"}})
        folder, wire = WIRES[self.path]
        headers = {name.lower(): value for name, value in self.headers.items()}
        objections = wire.header_objections(headers, self.state.key)
        if objections:
            return self._refuse(wire, 401, "invalid x-api-key or bearer token", objections)
        try:
            document = json.loads(body.decode("utf-8"))
        except ValueError as error:
            return self._refuse(wire, 400, f"the body is no JSON: {error}", [f"the body is no JSON: {error}"])
        if not headers.get("content-type", "").startswith("application/json"):
            return self._refuse(wire, 400, "wrong content type", ["headers: Content-Type must be application/json"])
        self.state.keep({"path": self.path, "headers": headers | {"authorization": "...", "x-api-key": "..."}, "body": document})
        objections = wire.objections(document, self.state.what_was_said())
        if objections:
            return self._refuse(wire, 400, "; ".join(objections), objections)
        return self._answer(folder, wire, document)

    def _answer(self, folder, wire, document):
        chosen = MODEL.fullmatch(document.get("model", ""))
        turns = transcript.load(folder, chosen.group(1)) if chosen else None
        if turns is None:
            return self._json(404, wire.error_body(404, f"The model `{document.get('model')}` does not exist; there are "
                                                        + ", ".join(transcript.scenarios(folder))))
        everything, tool_texts, last_answers = wire.texts_of(document)
        place = wire.turns_said(document)
        if place >= len(turns) and not turns[-1].repeats:
            return self._refuse(wire, 400, "asked more often than the transcript has turns",
                                [f"{document['model']}: asked for turn {place + 1} of {len(turns)}"])
        turn = turns[min(place, len(turns) - 1)]
        unmet = transcript.unmet(turn.expectations, last_answers)
        if unmet:
            return self._refuse(wire, 400, "; ".join(unmet), [f"{document['model']}, turn {place + 1}: {one}" for one in unmet])
        key = hashlib.sha256(json.dumps([folder, document["model"], document["messages"]], sort_keys=True).encode()).hexdigest()
        answer = turn.answers[min(self.state.try_of(key), len(turn.answers) - 1)]
        try:
            parts = transcript.filled(answer, wire.ID_PREFIX, everything, tool_texts)
        except transcript.Unknown as error:
            return self._refuse(wire, 400, str(error), [f"{document['model']}, turn {place + 1}: {error}"])
        self.state.remember(wire.calls_said(parts)[0])
        return self._send(answer, parts, chosen.group(2), int(chosen.group(3) or 0))

    def _send(self, answer, parts, cutting, at):
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        sent = 0
        try:
            for part in parts:
                if part == ("break",):
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                if not isinstance(part, str):
                    threading.Event().wait(part[1])
                    continue
                for piece in pieces_of(part.encode(), cutting, at, sent):
                    self._chunk(piece)
                sent += len(part.encode())
            self.wfile.write(b"0\r\n\r\n")
        except OSError:
            self.close_connection = True  # whoever asked has gone

    def _chunk(self, piece):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.flush()
        threading.Event().wait(0.0002)  # so that it travels alone


def pieces_of(data, cutting, at, before):
    """`data` as it is written: whole, in two pieces at byte `at` of the answer, or in pieces of `at` bytes."""
    if cutting == "each":
        return [data[i:i + max(at, 1)] for i in range(0, len(data), max(at, 1))]
    place = at - before
    if cutting == "cut" and 0 < place < len(data):
        return [data[:place], data[place:]]
    return [data] if data else []


class DoubleServer(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        """A client that goes away in the middle is part of the tests; anything else is told."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Double:
    """The double within a process: for its own tests."""

    def __init__(self, key="double-key", port=0):
        self.state = State(key)
        self._server = DoubleServer(("127.0.0.1", port), type("BoundHandler", (Handler,), {"state": self.state}))
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *unused):
        self._server.shutdown()
        self._server.server_close()

    def serve(self):
        self._server.serve_forever()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--port", type=int, default=0, help="0: the kernel chooses")
    parser.add_argument("--key", default="double-key", help="the API key that callers must send")
    options = parser.parse_args()
    double = Double(options.key, options.port)
    print(f"model double ready on {double.url}", flush=True)
    try:
        double.serve()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
