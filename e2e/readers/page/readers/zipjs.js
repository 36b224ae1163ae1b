import { HttpRangeReader, TextWriter, ZipReader } from "@zip.js/zip.js";

export async function read(url) {
  const zip = new ZipReader(new HttpRangeReader(url), { useWebWorkers: false });
  const entries = await zip.getEntries();
  const text = await entries.find(({ filename }) => filename === "letter.txt").getData(new TextWriter());
  return [entries.length, text];
}
