"""Paces itself by what every answer says, and so is never refused. Standard library only.

    WEIR_URL=http://127.0.0.1:8080 WEIR_KEY=wk_... python3 paced_client.py [CALLS]
"""

import os
import sys
import time
import urllib.error
import urllib.request


def call():
    request = urllib.request.Request(os.environ["WEIR_URL"] + "/v1/targets",
                                     headers={"Authorization": f"Bearer {os.environ['WEIR_KEY']}"})
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, response.headers
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.headers


def pause_after(headers):
    """Nothing while there is budget; then until the next unit is free (X-RateLimit-Reset, Unix seconds, rounded up)."""
    if int(headers["X-RateLimit-Remaining"]) > 0:
        return 0.0
    return max(0.0, int(headers["X-RateLimit-Reset"]) - time.time())


def main():
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 12
    refused = 0
    waited = False
    for number in range(1, calls + 1):
        status, headers = call()
        refused += status == 429
        print(f"call {number}: {status}")
        if number < calls:
            pause = pause_after(headers)
            waited = waited or pause > 0
            time.sleep(pause)
    print(f"had to wait: {'yes' if waited else 'no'}; refused: {refused}")


if __name__ == "__main__":
    main()
