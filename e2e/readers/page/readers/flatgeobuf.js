import { deserialize } from "flatgeobuf/lib/mjs/geojson.js";

export async function read(url) {
  const names = [];
  const rect = { minX: 120.5, minY: 60.5, maxX: 122.5, maxY: 61.5 };
  for await (const { properties } of deserialize(url, { rect })) names.push(properties.name);
  return names;
}
