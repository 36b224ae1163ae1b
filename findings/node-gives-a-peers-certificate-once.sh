#!/usr/bin/env bash
# Node gives the certificate of a TLS peer to one call of getPeerX509Certificate(), and to no call after it.
#
# Packages: node 22.21.0, 24.21.0 and 26.10.0 (npm's package `node`); openssl for a certificate.
# Setup: a TLS server and a client of Node's own on loopback, a self-signed certificate, `rejectUnauthorized: false`, TLS 1.3. The client asks
#        three times by getPeerCertificate(), twice by getPeerX509Certificate(), once more by getPeerCertificate().
# Seen:  in 22 and 24 the first getPeerX509Certificate() gives the certificate. The second gives undefined, and getPeerCertificate(), which
#        had given it any number of times, gives an empty object from then on. In 26 all calls give it. (20.20.2 does as 22 does.)
# So:    who checks a key after a handshake keeps the object from the first call. A second look would take an honest server for one without
#        a certificate.
# Fails if any of this changes.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout key.pem -out certificate.pem 2>/dev/null
cat >seen.mjs <<'JS'
import { readFileSync } from "node:fs";
import { connect, createServer } from "node:tls";

const server = createServer({ key: readFileSync("key.pem"), cert: readFileSync("certificate.pem") });
server.listen(0, "127.0.0.1", () => {
  const { port } = server.address();
  const client = connect({ port, host: "127.0.0.1", rejectUnauthorized: false }, () => {
    const plain = () => (Object.keys(client.getPeerCertificate()).length > 0 ? "there" : "empty");
    const x509 = () => (client.getPeerX509Certificate() === undefined ? "undefined" : "there");
    console.log(process.version, client.getProtocol(), plain(), plain(), plain(), "|", x509(), x509(), "|", plain());
    client.destroy();
    server.close();
  });
});
JS
for version in 22.21.0 24.21.0 26.10.0; do
  npm install --silent --no-fund --no-audit --prefix "$version" "node@$version"
  "$(find "$version" -path '*bin/node' -type f | head -n 1)" seen.mjs | tee -a seen
done
diff - seen <<'EXPECTED' || { echo "CHANGED"; exit 1; }
v22.21.0 TLSv1.3 there there there | there undefined | empty
v24.21.0 TLSv1.3 there there there | there undefined | empty
v26.10.0 TLSv1.3 there there there | there there | there
EXPECTED
