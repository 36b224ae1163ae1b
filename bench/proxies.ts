import { DelayingProxy } from "./DelayingProxy.ts";

// A process with delaying proxies: the round trip and the ports are its arguments, it tells its own ports to its parent.
const [roundTrip = 0, ...ports] = process.argv.slice(2).map(Number);
const proxies = await Promise.all(ports.map((port) => DelayingProxy.start(port, roundTrip)));
process.send?.(proxies.map(({ port }) => port));
// With its parent it ends, however that ended.
process.once("disconnect", () => process.exit());
