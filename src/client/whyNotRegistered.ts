import type { GridError } from "../base/GridError.ts";
import { sleep } from "../base/wait.ts";
import { noWorker } from "./noWorker.ts";
import { pageTimers } from "./pageTimers.ts";

/** What a page's policy makes of a URL by `createScriptURL`. TypeScript's libraries do not know it. */
export interface TrustedScript {
  toString(): string;
  toJSON(): string;
}

/** The script is on the page's own origin. */
const LOOK_LIMIT_MS = 5_000;

/**
 * Finds out why a browser does not take a worker's script. The browser's own words are for its developers, and differ: so it is
 * looked which policy was violated meanwhile, and what the web server answers for the script.
 */
export function whyNotRegistered(
  workerUrl: string,
  scope: string | undefined,
): { of(cause: unknown): Promise<GridError>; stopListening(): void } {
  const violated = new Set<string>();
  const hear = ({ effectiveDirective, disposition }: SecurityPolicyViolationEvent) => {
    if (disposition === "enforce") violated.add(effectiveDirective);
  };
  document.addEventListener("securitypolicyviolation", hear);
  return {
    stopListening: () => document.removeEventListener("securitypolicyviolation", hear),
    async of(cause) {
      // The event comes after the failure.
      await sleep(0, pageTimers);
      const text = byPolicy(violated) ?? (await byScript(new URL(workerUrl, location.href), scope, cause));
      return noWorker("registration", text, cause);
    },
  };
}

function byPolicy(violated: ReadonlySet<string>): string | undefined {
  if (violated.has("require-trusted-types-for")) {
    return (
      "this page's Content-Security-Policy requires trusted types. Pass connect a workerUrl that is a TrustedScriptURL, " +
      "made by createScriptURL of a policy of yours"
    );
  }
  if (violated.has("worker-src")) return "this page's Content-Security-Policy forbids it. Add worker-src 'self' to it";
  return undefined;
}

async function byScript(script: URL, scope: string | undefined, cause: unknown): Promise<string> {
  const { pathname } = script;
  if (script.origin !== location.origin)
    return `its script must be on the page's own origin, and is on ${script.origin}`;
  // Of its body nothing is wanted.
  const signal = AbortSignal.timeout(LOOK_LIMIT_MS);
  const answer = await fetch(script, { method: "HEAD", cache: "no-store", signal }).catch(() => undefined);
  if (answer === undefined && !navigator.onLine) {
    return "there is no network, and it is not installed yet. Visit the page once with a network";
  }
  if (answer?.status === 404) return `${pathname} is not on the web server (HTTP 404). ${howToInstall(pathname)}`;
  if (answer?.ok && answer.headers.get("Content-Type")?.startsWith("text/html")) {
    return `${pathname} is an HTML page, as web servers send for what they do not have. ${howToInstall(pathname)}`;
  }
  const words = cause instanceof Error ? `: ${cause.message.replace(/\.+$/, "")}` : "";
  const hint = scope !== undefined && answer?.ok ? `. ${ALLOWED_HINT}` : "";
  return `the browser did not accept ${pathname} as its script${words}${hint}`;
}

function howToInstall(pathname: string): string {
  if (!pathname.endsWith("/gridfetch-worker.js")) return "The app's worker has to be served there";
  return (
    "npx gridfetch install <folder> puts it into the folder that the web server serves. Where the app is not at the root of its " +
    'server, say where the script is: connect({ workerUrl: "/<the app\'s path>/gridfetch-worker.js" })'
  );
}

const ALLOWED_HINT =
  "A scope above the script's folder has to be allowed by the header Service-Worker-Allowed, sent with the script";
