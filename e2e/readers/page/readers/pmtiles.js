import { PMTiles } from "pmtiles";

export async function read(url) {
  const tile = await new PMTiles(url).getZxy(4, 9, 6);
  return new TextDecoder().decode(tile.data.slice(0, 8)).split("\n")[0];
}
