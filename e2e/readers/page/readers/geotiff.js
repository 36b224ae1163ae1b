import { fromUrl } from "geotiff";

export async function read(url) {
  const image = await (await fromUrl(url)).getImage();
  const [pixels] = await image.readRasters({ window: [1500, 1700, 1503, 1701] });
  return [image.getWidth(), ...pixels];
}
