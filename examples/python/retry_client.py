"""Calls Weir until it refuses, waits as long as it says, and calls again. Needs httpx: pip install httpx.

    WEIR_URL=http://127.0.0.1:8080 WEIR_KEY=wk_... python3 retry_client.py [CALLS]
"""

import os
import random
import sys
import time

import httpx

ATTEMPTS_MAX = 8


def get_with_retry(client, path):
    """The answer, and how often the call was refused before."""
    for attempt in range(ATTEMPTS_MAX):
        response = client.get(path)
        if response.status_code != 429:
            response.raise_for_status()
            return response, attempt
        # Jitter, so that clients that were refused together do not come back together.
        time.sleep(int(response.headers["Retry-After"]) + random.uniform(0, 0.25))
    raise RuntimeError(f"{path} was refused {ATTEMPTS_MAX} times")


def main():
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 12
    refused = most = 0
    headers = {"Authorization": f"Bearer {os.environ['WEIR_KEY']}"}
    with httpx.Client(base_url=os.environ["WEIR_URL"], headers=headers) as client:
        for call in range(1, calls + 1):
            response, refusals = get_with_retry(client, "/v1/targets")
            refused, most = refused + refusals, max(most, refusals)
            print(f"call {call}: {response.status_code}")
    print(f"had to wait: {'yes' if refused else 'no'}; refusals of one call: at most {most}")


if __name__ == "__main__":
    main()
