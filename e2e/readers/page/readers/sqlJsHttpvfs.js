import { createDbWorker } from "sql.js-httpvfs";
import wasmUrl from "sql.js-httpvfs/dist/sql-wasm.wasm?url";
import workerUrl from "sql.js-httpvfs/dist/sqlite.worker.js?url";

export async function read(url) {
  const config = { from: "inline", config: { serverMode: "full", requestChunkSize: 4096, url } };
  const { db } = await createDbWorker([config], workerUrl, wasmUrl);
  const [{ values }] = await db.exec("SELECT id, substr(name, 1, 9) FROM rows WHERE id = 12345");
  return values[0];
}
