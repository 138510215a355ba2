#!/bin/sh
# Follows a scan from its first event to its end, and prints what kind of event each is. Needs curl.
#
#   WEIR_URL=http://127.0.0.1:8080 WEIR_KEY=wk_... sh follow_scan.sh scn_...
set -eu

# --no-buffer shows each event when it arrives. The stream ends by itself after the scan.
curl --silent --show-error --fail --no-buffer "$WEIR_URL/v1/scans/$1/events?after=0" \
  --header "Authorization: Bearer $WEIR_KEY" |
  sed -n 's/^event: //p'
