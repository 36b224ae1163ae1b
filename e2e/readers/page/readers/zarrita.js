import { FetchStore, get, open, slice } from "zarrita";

export async function read(url) {
  const array = await open(new FetchStore(url), { kind: "array" });
  const { data } = await get(array, [567, slice(123, 126)]);
  return [...array.shape, ...data];
}
