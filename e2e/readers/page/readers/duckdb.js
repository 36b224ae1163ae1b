import { AsyncDuckDB, VoidLogger } from "@duckdb/duckdb-wasm";
import workerUrl from "@duckdb/duckdb-wasm/dist/duckdb-browser-eh.worker.js?url";
import wasmUrl from "@duckdb/duckdb-wasm/dist/duckdb-eh.wasm?url";

export async function read(url) {
  const worker = new Worker(workerUrl);
  const database = new AsyncDuckDB(new VoidLogger(), worker);
  await database.instantiate(new URL(wasmUrl, location.href).href);
  const connection = await database.connect();
  const rows = await connection.query(`SELECT id, name[1:9] AS name FROM '${url}' WHERE id = 12345`);
  const [row] = rows.toArray().map((each) => each.toJSON());
  return [row.id, row.name];
}
