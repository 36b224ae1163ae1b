import { tableFromIPC } from "apache-arrow";
import init, { ParquetFile } from "parquet-wasm/esm";
import wasmUrl from "parquet-wasm/esm/parquet_wasm_bg.wasm?url";

export async function read(url) {
  await init({ module_or_path: wasmUrl });
  const file = await ParquetFile.fromUrl(url);
  const table = tableFromIPC((await file.read({ rowGroups: [3] })).intoIPCStream());
  const row = table.get(345).toJSON();
  return [row.id, row.name.slice(0, 9)];
}
