"""An MCP server on standard input and output with one tool, `count`: writes a line to the file that it was started with, and
answers after some seconds. For tests of what is made twice."""

import json
import sys
import threading


def main():
    path, seconds = sys.argv[1], float(sys.argv[2])
    for line in sys.stdin:
        message = json.loads(line)
        method = message.get("method")
        if "id" not in message:
            continue
        if method == "initialize":
            answer = {"result": {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}},
                                 "serverInfo": {"name": "counting", "version": "1"}}}
        elif method == "tools/list":
            answer = {"result": {"tools": [{"name": "count", "description": "Counts.", "inputSchema": {"type": "object"}}]}}
        elif method == "tools/call":
            with open(path, "a", encoding="utf-8") as file:
                file.write("counted\n")
            threading.Event().wait(seconds)
            answer = {"result": {"content": [{"type": "text", "text": "counted"}]}}
        else:
            answer = {"error": {"code": -32601, "message": f"no {method}"}}
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], **answer}), flush=True)


if __name__ == "__main__":
    main()
