#!/usr/bin/env bash
# A Tahoe-LAFS storage server with `readonly = true` still takes new mutable files.
#
# Package: tahoe-lafs 1.20.0 (PyPI), Python 3.11.
# Setup: an introducer, one storage node with `[storage] readonly = true`, and one client that needs 1 share of 1.
# Seen:  `tahoe put` of an immutable file fails, as an operator who has set this expects: no server takes it.
#        `tahoe put --format=sdmf`, `--format=mdmf` and `tahoe create-alias` (a new directory) succeed, and their shares lie on the
#        read-only node's disk.
# So:    `readonly` keeps a full disk from growing by immutable files alone. An operator who wants no writes at all has to refuse
#        them in front of the node: by a proxy that lets reads through only.
# Fails if any of this changes.
set -euo pipefail

folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check tahoe-lafs==1.20.0
tahoe="$folder/venv/bin/tahoe"
"$tahoe" --version | head -n 1

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
run() { "$tahoe" run --allow-stdin-close "$1" </dev/null >"$1.log" 2>&1 & }

introducer_port=$(free_port)
"$tahoe" create-introducer --port="tcp:$introducer_port:interface=127.0.0.1" --location="tcp:127.0.0.1:$introducer_port" introducer >/dev/null
run introducer
for _ in $(seq 120); do [ -s introducer/private/introducer.furl ] && break; sleep 0.5; done
furl=$(cat introducer/private/introducer.furl)

storage_port=$(free_port)
"$tahoe" create-node --introducer="$furl" --port="tcp:$storage_port:interface=127.0.0.1" --location="tcp:127.0.0.1:$storage_port" \
  --webport=none storage >/dev/null
# The line is there, commented out.
sed -i 's/^\[storage\]$/[storage]\nreadonly = true/' storage/tahoe.cfg
run storage

web_port=$(free_port)
"$tahoe" create-client --introducer="$furl" --webport="tcp:$web_port:interface=127.0.0.1" --shares-needed=1 --shares-happy=1 --shares-total=1 client >/dev/null
run client
for _ in $(seq 240); do
  curl -sf "http://127.0.0.1:$web_port/?t=json" 2>/dev/null | grep -q '"connection_status": "Connected' && break
  sleep 0.5
done

head -c 100000 /dev/zero >file
shares() { find storage/storage/shares -path '*/incoming/*' -prune -o -type f -print 2>/dev/null | wc -l; }

if "$tahoe" -d client put file >immutable.log 2>&1; then
  echo "CHANGED: an immutable file was taken"
  exit 1
fi
grep -q UploadUnhappinessError immutable.log || { echo "CHANGED: the immutable file failed in another way:"; tail -n 3 immutable.log; exit 1; }
[ "$(shares)" = 0 ] || { echo "CHANGED: shares after the refused upload: $(shares)"; exit 1; }
echo "immutable: refused (UploadUnhappinessError), 0 shares on the read-only node"

count=0
for format in sdmf mdmf; do
  "$tahoe" -d client put --format="$format" file >/dev/null 2>&1 || { echo "CHANGED: $format was refused"; exit 1; }
  count=$((count + 1))
  [ "$(shares)" = "$count" ] || { echo "CHANGED: $(shares) shares after $format"; exit 1; }
  echo "$format: taken, $count shares on the read-only node"
done
"$tahoe" -d client create-alias home >/dev/null 2>&1 || { echo "CHANGED: a directory was refused"; exit 1; }
count=$((count + 1))
[ "$(shares)" = "$count" ] || { echo "CHANGED: $(shares) shares after a directory"; exit 1; }
echo "directory: taken, $count shares on the read-only node"
