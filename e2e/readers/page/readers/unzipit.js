import { HTTPRangeReader, unzip } from "unzipit";

export async function read(url) {
  // Given the URL alone, it takes the whole file.
  const { entries } = await unzip(new HTTPRangeReader(url));
  return [Object.keys(entries).length, await entries["letter.txt"].text()];
}
