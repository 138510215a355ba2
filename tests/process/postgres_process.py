"""A PostgreSQL of a test's own: a new cluster in a temporary folder, on a unix socket alone, without fsync."""

import glob
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile

from weir_process import eventually


def program(name):
    """Debian keeps the server's programs off the PATH, in a folder for each version."""
    found = sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"))
    return found[-1] if found else shutil.which(name) or name


def as_server_user():
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    names = {user.pw_name for user in pwd.getpwall()}
    user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


class Postgres:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="weir-postgres-")
        user = as_server_user()
        if user:
            os.chown(self.folder, user["user"], user["group"])
        subprocess.run([program("initdb"), "--auth=trust", "--username=weir", "--no-sync", "--no-instructions", "--encoding=UTF8",
                        "--locale=C.UTF-8", f"--pgdata={self.folder}/data"], check=True, cwd="/", stdout=subprocess.DEVNULL, **user)
        self.url = f"postgresql://weir:unused-s3cret@/postgres?host={self.folder}"
        self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *unused):
        self.stop()
        shutil.rmtree(self.folder)

    def start(self):
        with open(f"{self.folder}/log", "ab") as log:
            self.process = subprocess.Popen(
                [program("postgres"), "-D", f"{self.folder}/data", "-k", self.folder, "-c", "listen_addresses=", "-c", "fsync=off",
                 "-c", "shared_buffers=16MB", "-c", "max_connections=100"], cwd="/", stdout=log, stderr=log, **as_server_user())
        state = pathlib.Path(self.folder) / "data" / "postmaster.pid"
        eventually(lambda: state.exists() and "ready" in state.read_text(), "PostgreSQL is ready")
        return self

    def stop(self):
        """At once, as after a crash."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()
        self.process = None
        pathlib.Path(self.folder, "data", "postmaster.pid").unlink(missing_ok=True)
