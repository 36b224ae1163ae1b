// Compiles rust/ and puts the module beside it.   node src/servers/testing/make-tls.mjs
import { promises } from "node:fs";
import { fileURLToPath } from "node:url";
import { buildTls, sha256, tlsCompilers, tlsLicences, whyNoTlsBuild } from "./buildTls.mjs";

const missing = whyNoTlsBuild();
if (missing) throw new Error(`The TLS module cannot be built: ${missing}.`);
const wasm = await buildTls(fileURLToPath(new URL("../../../.cache/tls", import.meta.url)));
await promises.writeFile(new URL("../tls/gridfetch-tls.wasm", import.meta.url), wasm);
const record = { ...tlsCompilers(), sha256: sha256(wasm) };
await promises.writeFile(new URL("../tls/gridfetch-tls.json", import.meta.url), `${JSON.stringify(record, null, 2)}\n`);
await promises.writeFile(new URL("../tls/gridfetch-tls.LICENSES.txt", import.meta.url), await tlsLicences());
