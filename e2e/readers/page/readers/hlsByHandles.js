import { read as readPlaylist } from "./hls.js";

/** Plays a playlist that is made in the page, in which every file has an opaque URL: no cap is in any address that the player asks for. */
export async function read(url) {
  const [, { children }] = await (await fetch(new URL("./?t=json", url))).json();
  const playlist = await (await fetch(url)).text();
  const withHandles = Object.entries(children).reduce(
    (text, [name, [, { ro_uri: cap }]]) => text.replaceAll(name, window.grid.url(cap, { filename: name })),
    playlist,
  );
  return readPlaylist(URL.createObjectURL(new Blob([withHandles], { type: "application/vnd.apple.mpegurl" })));
}
