# What every script shares: messages, the number of jobs, the compiler cache. Sourced by ./dev, from the root.
# shellcheck shell=bash

say() { printf '==> %s\n' "$*" >&2; }

# fail MESSAGE [EXIT CODE]
fail() {
  printf 'error: %s\n' "$1" >&2
  exit "${2:-1}"
}

jobs_max() { nproc; }

# A port of the loopback interface that nobody listens on right now; as many as asked for, one a line.
free_ports() {
  python3 - "$1" <<'PYTHON'
import socket, sys
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
for sock in held:
    print(sock.getsockname()[1])
PYTHON
}

# With precompiled headers ccache needs to be told what it may ignore.
if command -v ccache >/dev/null 2>&1; then
  export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
  export CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
fi
