import { GridError } from "../base/GridError.ts";
import type { HttpTransport } from "./HttpTransport.ts";

/**
 * A server with no address that this platform can use, a browser and a NURL without a relay say. The grid is the better
 * for knowing that there is such a server: it may be what a read lacks.
 *
 * @param name of the server, for errors
 */
export function unusableTransport(name: string): HttpTransport {
  const reason = "it has no address that can be used here. A browser needs a url, or a relay beside the nurl";
  return {
    async request() {
      throw new GridError("SERVER_UNREACHABLE", { server: name, reason }, `Server ${name} cannot be asked: ${reason}.`);
    },
  };
}
