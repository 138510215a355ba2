"""A redis-server of a test's own: on a unix socket in a temporary folder, without persistence."""

import pathlib
import signal
import socket
import subprocess
import tempfile

from weir_process import eventually


class Redis:
    def __init__(self, *options):
        self._folder = tempfile.TemporaryDirectory(prefix="weir-redis-")
        self.socket_path = str(pathlib.Path(self._folder.name) / "redis.sock")
        self.url = f"unix://{self.socket_path}"
        self.options = options
        self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *unused):
        self.kill()
        self._folder.cleanup()

    def start(self, *more):
        self.start_without_waiting(*more)
        eventually(lambda: self.answers("PING"), "redis-server answers")
        return self

    def start_without_waiting(self, *more):
        """`more` options for this time only."""
        self.process = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", self.socket_path, "--save", "", "--appendonly", "no",
             "--dir", self._folder.name, "--logfile", self._folder.name + "/redis.log", *self.options, *more])

    def start_loading(self):
        """Starts again with data that take some seconds to load: until then every command is answered with LOADING."""
        self.start_without_waiting("--key-load-delay", "600", "--loading-process-events-interval-bytes", "1024")
        eventually(lambda: (self.answers("PING") or "").startswith("-LOADING"), "redis-server loads")

    def keep_much(self):
        """Data for start_loading(), saved."""
        assert self.command("EVAL", "\"for i = 1, 3000 do redis.call('SET', 'k' .. i, string.rep('x', 100)) end\"", "0")
        assert self.command("SAVE") == "+OK"

    def answers(self, *words):
        try:
            return self.command(*words)
        except OSError:
            return None

    def command(self, *words):
        """The first line of the answer."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(10)
            connection.connect(self.socket_path)
            connection.sendall((" ".join(words) + "\r\n").encode())
            return connection.makefile().readline().strip()

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        if self.process is None:
            return
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process = None
