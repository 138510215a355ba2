#!/bin/sh
# Makes the agent of exposed_checks.json and runs it on a target, with nothing but curl and the shell.
#
#   WEIR_URL=... WEIR_KEY=... ./run_playbook.sh tgt_...
#
# Prints each event of the run as it happens. Ends with 0 if the gate passed, 1 if it failed, 2 if the run did not
# complete or its gate is inconclusive.
# With the weir program it is two commands:
#
#   weir agents create exposed_checks.json
#   weir run exposed-checks --input '{"target_id": "tgt_..."}' --follow
set -eu
target_id=$1
folder=$(dirname "$0")

post() { curl -sS -X POST "$WEIR_URL$1" -H "Authorization: Bearer $WEIR_KEY" -H 'Content-Type: application/json' --data-binary "$2"; }
# The first member of that name, without a JSON parser.
member() { sed -n "s/.*\"$1\":\"\\([^\"]*\\)\".*/\\1/p" | head -n 1; }

# The second time the slug is taken, which is fine.
post /v1/agents "@$folder/exposed_checks.json" > /dev/null

run=$(post /v1/runs "{\"agent_id\": \"exposed-checks\", \"input\": {\"target_id\": \"$target_id\"}}")
run_id=$(printf %s "$run" | grep -o '"id":"run_[^"]*"' | head -n 1 | member id)
[ -n "$run_id" ] || { echo "$run" >&2; exit 2; }

# The stream ends with the run. `event:` lines hold the type of each event.
curl -sSN "$WEIR_URL/v1/runs/$run_id/events?after=0" -H "Authorization: Bearer $WEIR_KEY" -H 'Accept: text/event-stream' |
  sed -n '/^event: snapshot$/d; s/^event: //p'

result=$(curl -sS "$WEIR_URL/v1/runs/$run_id" -H "Authorization: Bearer $WEIR_KEY")
case $result in
  *'"status":"completed"'*) ;;
  *) echo "the run did not complete" >&2; exit 2 ;;
esac
case $result in
  *'"pass":true'*) echo "gate: passed" ;;
  *'"conclusion":"inconclusive"'*) echo "gate: inconclusive"; exit 2 ;;
  *) echo "gate: failed"; exit 1 ;;
esac
