#!/usr/bin/env bash
# nginx cannot cut a Tahoe-LAFS share into slices for its cache: the storage server never tells the share's length.
#
# Packages: tahoe-lafs 1.20.0 (PyPI), nginx 1.22.1 (Debian 12). Needs root for apt-get.
# Setup: a real storage server with one share, reached over its HTTPS protocol through nginx, once plainly and once by the usual recipe for
#        caching ranges: `slice 64k; proxy_set_header Range $slice_range; proxy_cache_valid 206 1h;`.
# Seen:  the server answers a range with 206 and `Content-Range: bytes 0-99/*`. Plainly nginx passes that on. With slice it sends nothing
#        but writes "no complete length in slice response" to its error log.
# So:    a cache in front of storage servers has to keep each range under a key of its own (`$uri $http_range`), and hits only where
#        readers ask for the same ranges.
# Fails if any of this changes.
set -euo pipefail

folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$folder"' EXIT
version=1.22.1-9+deb12u11
export DEBIAN_FRONTEND=noninteractive
if [ "$(dpkg-query -W -f '${Version}' nginx 2>/dev/null)" != "$version" ]; then
  apt-get update -qq
  apt-get install -qq -y --no-install-recommends "nginx-light=$version" >/dev/null
fi
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check tahoe-lafs==1.20.0
tahoe="$folder/venv/bin/tahoe"
"$tahoe" --version | head -n 1
/usr/sbin/nginx -v

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
run() { "$tahoe" run --allow-stdin-close "$1" </dev/null >"$1.log" 2>&1 & }
introducer_port=$(free_port)
"$tahoe" create-introducer --port="tcp:$introducer_port:interface=127.0.0.1" --location="tcp:127.0.0.1:$introducer_port" introducer >/dev/null
run introducer
for _ in $(seq 120); do [ -s introducer/private/introducer.furl ] && break; sleep 0.5; done
storage_port=$(free_port)
"$tahoe" create-node --introducer="$(cat introducer/private/introducer.furl)" --port="tcp:$storage_port:interface=127.0.0.1" \
  --location="tcp:127.0.0.1:$storage_port" --webport=none storage >/dev/null
run storage
web_port=$(free_port)
"$tahoe" create-client --introducer="$(cat introducer/private/introducer.furl)" --webport="tcp:$web_port:interface=127.0.0.1" \
  --shares-needed=1 --shares-happy=1 --shares-total=1 client >/dev/null
run client
head -c 500000 /dev/zero >file
for _ in $(seq 120); do "$tahoe" -d client put file >put.log 2>&1 && break; sleep 1; done
share=$(find storage/storage/shares -type f -not -path '*/incoming/*')
number=$(basename "$share")
index=$(basename "$(dirname "$share")")
for _ in $(seq 60); do grep -q 'pb://' client/private/introducer_default_cache.yaml 2>/dev/null && break; sleep 1; done
# pb://HASH@HOST:PORT/SECRET#v=1
secret=$(grep -o 'pb://[^@]*@127.0.0.1:[0-9]*/[^#]*#v=1' client/private/introducer_default_cache.yaml | head -n 1 | sed 's,.*/\([^/#]*\)#v=1,\1,')
authorization="Tahoe-LAFS $(printf %s "$secret" | base64 -w 0)"

plain_port=$(free_port)
slice_port=$(free_port)
mkdir cache
cat >nginx.conf <<NGINX
daemon off;
user root;
pid $folder/nginx.pid;
error_log $folder/error.log;
events {}
http {
  access_log off;
  client_body_temp_path $folder/t1; proxy_temp_path $folder/t2; fastcgi_temp_path $folder/t3; uwsgi_temp_path $folder/t4; scgi_temp_path $folder/t5;
  proxy_cache_path $folder/cache keys_zone=shares:1m;
  server {
    listen 127.0.0.1:$plain_port;
    location / { proxy_pass https://127.0.0.1:$storage_port; }
  }
  server {
    listen 127.0.0.1:$slice_port;
    location / {
      slice 64k;
      proxy_cache shares;
      proxy_cache_key \$uri\$slice_range;
      proxy_set_header Range \$slice_range;
      proxy_cache_valid 206 1h;
      proxy_pass https://127.0.0.1:$storage_port;
    }
  }
}
NGINX
/usr/sbin/nginx -p "$folder" -c "$folder/nginx.conf" 2>/dev/null &
sleep 2
ask() {
  curl -s -m 20 -D headers -o body -H "Authorization: $authorization" -H "Accept: application/octet-stream" -H "Range: bytes=0-99" \
    "http://127.0.0.1:$1/storage/v1/immutable/$index/$number" || true
}
ask "$plain_port"
plainly=$(tr -d '\r' <headers | sed -n '1p;/^[Cc]ontent-[Rr]ange/p' | paste -sd ' ')
echo "plainly: $plainly, $(stat -c %s body) bytes"
grep -q '206.*bytes 0-99/\*$' <<<"$plainly" || { echo "CHANGED: the server's own answer"; exit 1; }
[ "$(stat -c %s body)" = 100 ] || { echo "CHANGED: the body"; exit 1; }
rm -f body headers
ask "$slice_port"
bytes=$(stat -c %s body 2>/dev/null || echo 0)
echo "by slices: $bytes bytes; $(grep -o 'no complete length in slice response' error.log | head -n 1)"
[ "$bytes" = 0 ] && grep -q 'no complete length in slice response' error.log || { echo "CHANGED: slices"; exit 1; }
