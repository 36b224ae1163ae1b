import { ALL_FORMATS, EncodedPacketSink, Input, UrlSource } from "mediabunny";

export async function read(url) {
  const input = new Input({ formats: ALL_FORMATS, source: new UrlSource(url) });
  const track = await input.getPrimaryVideoTrack();
  const packet = await new EncodedPacketSink(track).getKeyPacket(123.4);
  const duration = await input.computeDuration();
  return [Math.round(duration), packet.timestamp, packet.byteLength];
}
