import { DelayingProxy } from "./DelayingProxy.ts";

// A process with delaying proxies: the delay and the ports are its arguments, it tells its own ports to its parent.
const [delay = "{}", ...ports] = process.argv.slice(2);
const proxies = await Promise.all(ports.map((port) => DelayingProxy.start(Number(port), JSON.parse(delay))));
process.send?.(proxies.map(({ port }) => port));
process.on("message", (ms: number) => {
  for (const proxy of proxies) proxy.standStill(ms);
});
// With its parent it ends, however that ended.
process.once("disconnect", () => process.exit());
