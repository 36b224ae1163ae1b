/** A `<video>` on the page, which readers.spec.ts looks at when it says that it has a picture. */
export function addPlayer() {
  const video = document.createElement("video");
  video.id = "film";
  video.muted = true;
  video.width = 640;
  document.body.append(video);
  return video;
}

/** @throws Error when the player fails */
export function loaded(video) {
  return new Promise((resolve, reject) => {
    video.addEventListener("loadeddata", () => resolve(Math.round(video.duration)), { once: true });
    video.addEventListener("error", () => reject(new Error(video.error?.message)), { once: true });
  });
}
