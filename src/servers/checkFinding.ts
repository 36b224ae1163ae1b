import type { CheckProblem, Finding } from "../base/GridCheck.ts";
import { visibleText } from "../base/visibleText.ts";

/** What to do about each problem. */
const ADVICE: Readonly<Record<CheckProblem, string>> = {
  unusable:
    'Add a "relay" to this address, or another address with the "url" of a proxy: browsers cannot open connections of their own.',
  "mixed-content":
    "Serve the proxy by https, or the relay by wss: browsers do not let a page that was loaded by https use http or ws (but for addresses of the same machine).",
  "local-network":
    "Allow it: the app can ask by grid.allowLocalNetwork(), and the browser's settings for this site have it under local network access. Or put the proxy or relay at a public address.",
  cors: "Let the proxy allow this page's origin, the headers Authorization and Range, and expose Content-Range, as `gridfetch proxy-config` does it; and let it answer without redirecting. Or serve the proxy on the page's own origin.",
  unreachable:
    "See whether the server or proxy runs, and whether name and port are right. Opened in a tab, an https address shows whether its certificate is refused. A browser also says this where the worker's Content-Security-Policy forbids the address.",
  "relay-unreachable":
    "See whether the relay runs, and whether name and port are right. For wss its certificate must be one that browsers accept.",
  "relay-refused":
    "See whether the relay lists this server's TLS id as a token, and this page's origin among those allowed. The relay's log says which it was.",
  "relay-origin":
    "Start the relay with this page's origin: `gridfetch relay --origin URL`, as often as there are origins.",
  "relay-token":
    "Add the server to the list that the relay was started with, or correct the TLS id (the first part of the NURL) in the configuration.",
  "relay-busy": "Wait, or raise the relay's limits.",
  "server-away":
    "See whether the storage server runs, and whether the relay's or proxy's address of it is right. A relay's log says why it does not connect.",
  "no-module":
    "See whether gridfetch-tls.wasm is served beside the worker's script, and whether its Content-Security-Policy allows WebAssembly ('wasm-unsafe-eval').",
  "wrong-key":
    "If the server was set up anew, take its new NURL into the configuration. If not, something else answers in its place: do not trust it.",
  impostor:
    "Something stands between the relay and the server, or in the server's place: find out what, before anything else.",
  "broke-off":
    "Try again. If it stays so, something on the way ends connections: a limit of the relay's or proxy's, or a firewall.",
  "wrong-swissnum":
    "Take the swissnum from the server's NURL (its part before #v=1) into the configuration, or give it to the page as a secret.",
  forbidden: "Let the proxy allow GET requests to the storage server.",
  "not-a-storage-server":
    "See whether the address leads to the storage server's root: a proxy must pass on /storage/v1/ under it. A Tahoe-LAFS before 1.19, or one with force_foolscap, speaks Foolscap only, which is not HTTP.",
  "server-error": "See the log of the server, or of the proxy before it.",
  timeout: "See whether the server is overloaded, or a firewall drops the packets to it.",
  slow: "Nothing has to be done: files are read from faster servers first.",
};

/**
 * @param what is the matter, in a sentence, which may quote what a server sent
 * @param advice where more is known than that it is this problem
 */
export function checkFinding(problem: CheckProblem, what: string, advice = ADVICE[problem]): Finding {
  return { problem, what: visibleText(what), advice };
}
