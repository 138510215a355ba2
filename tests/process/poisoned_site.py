"""A site that speaks to models: what it says of itself tells whoever reads it to call a tool."""

import http.server
import threading


class PoisonedSite:
    """A page whose headers, cookies and title tell whoever reads them to call a tool."""

    def __init__(self, words):
        class Handler(http.server.BaseHTTPRequestHandler):
            server_version = "Apache/2.4.1"
            sys_version = f"({words})"

            def do_GET(self):
                body = f"<!doctype html><title>{words}</title>hello".encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("X-Powered-By", f"PHP/5.4 {words}")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                try:
                    self.wfile.write(body)
                except OSError:
                    pass

            do_HEAD = do_OPTIONS = do_GET

            def log_message(self, *unused):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *unused):
        self._server.shutdown()
        self._server.server_close()
