import { asyncBufferFromUrl, parquetReadObjects } from "hyparquet";

export async function read(url) {
  const file = await asyncBufferFromUrl({ url });
  const [row] = await parquetReadObjects({ file, rowStart: 12_345, rowEnd: 12_346 });
  return [row.id, row.name.slice(0, 9)];
}
