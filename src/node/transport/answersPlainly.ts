import { connect } from "node:net";
import type { Nurl } from "../../servers/parseNurl.ts";

/** Long enough for a request and its answer. */
const LIMIT = 5_000;

/**
 * Does what is there answer a request that is sent without TLS? Tried with Tahoe-LAFS: 1.17 and 1.18, which begin Foolscap by
 * such requests, answer HTTP 500, and say nothing to a TLS client for ever; 1.19 and newer close the connection. Never rejects.
 */
export function answersPlainly({ host, port }: Pick<Nurl, "host" | "port">, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, signal });
    let answer = "";
    const settle = () => {
      clearTimeout(late);
      socket.destroy();
      resolve(answer.startsWith("HTTP/"));
    };
    const late = setTimeout(settle, LIMIT);
    socket.setEncoding("latin1");
    socket.on("connect", () => socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`));
    socket.on("data", (text: string) => {
      answer += text;
      if (answer.length >= "HTTP/".length) settle();
    });
    socket.on("error", settle);
    socket.on("close", settle);
  });
}
