import { X509Certificate } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Nurl } from "../../servers/parseNurl.ts";
import { tlsIdOf } from "../transport/tlsIdOf.ts";
import type { UsableServer } from "../transport/usableServers.ts";
import { fetchCertificate } from "./fetchCertificate.ts";
import type { ProxiedServer } from "./nginxConfig.ts";

export interface ProxiedServers {
  readonly servers: readonly ProxiedServer[];
  /** What an operator should know, a line each. */
  readonly warnings: readonly string[];
}

const DAY_MS = 86_400_000;
/** Time enough to do something about a certificate. */
const SOON_MS = 30 * DAY_MS;

/**
 * Gets the certificates of a list's servers, checks each against the key in the server's NURL, and writes them into a
 * folder as `<tls id>.pem`. A server that cannot be reached now keeps the certificate that is there from before.
 *
 * @param now in milliseconds since 1970
 * @throws the signal's reason, or what the system says of the folder
 */
export async function proxiedServers(
  listed: readonly UsableServer[],
  folder: string,
  now: number,
  signal: AbortSignal,
): Promise<ProxiedServers> {
  await mkdir(folder, { recursive: true });
  const groups = await Promise.all(sharers(listed).map((group) => oneOf(group, folder, signal)));
  const servers = groups.flatMap(({ server }) => server ?? []);
  const warnings = groups.flatMap((group) => group.warnings);
  return { servers, warnings: [...warnings, ...servers.flatMap((server) => dateWarning(server, now) ?? [])] };
}

/** Servers by the TLS key that they name: nginx has one place for each. */
function sharers(listed: readonly UsableServer[]): UsableServer[][] {
  const groups = new Map<string, UsableServer[]>();
  for (const server of listed) {
    const key = server.nurls[0]?.tlsId ?? server.announcement.id;
    groups.set(key, [...(groups.get(key) ?? []), server]);
  }
  return [...groups.values()];
}

/** Of servers that name one key the first that shows it now. One after the other, since they write the same file. */
async function oneOf(
  group: readonly UsableServer[],
  folder: string,
  signal: AbortSignal,
): Promise<{ readonly server: ProxiedServer | undefined; readonly warnings: readonly string[] }> {
  const outcomes: Outcome[] = [];
  for (const listed of group) outcomes.push(await proxiedServer(listed, folder, signal));
  const found = outcomes.filter((outcome) => "server" in outcome);
  const chosen = found.find(({ warning }) => warning === undefined) ?? found[0];
  const warnings = outcomes.flatMap((outcome) => {
    if (outcome === chosen || !("server" in outcome)) return outcome.warning ?? [];
    const { name } = outcome.server;
    return `Server ${name} is left out: its TLS key is that of ${chosen?.server.name}, and nginx has one place for each.`;
  });
  return { server: chosen?.server, warnings };
}

type Outcome = { readonly warning?: string } | { readonly server: ProxiedServer; readonly warning?: string };

async function proxiedServer(listed: UsableServer, folder: string, signal: AbortSignal): Promise<Outcome> {
  const { name } = listed.announcement;
  try {
    const [first] = listed.nurls;
    if (first === undefined) throw new Error("it has no anonymous-storage-NURLs");
    const nurls = listed.nurls.filter(({ tlsId }) => tlsId === first.tlsId);
    const file = join(folder, `${first.tlsId}.pem`);
    const { certificate, warning } = await fetchOrKeep(nurls, file, name, signal);
    return {
      server: {
        tlsId: first.tlsId,
        name,
        addresses: nurls.map(({ host, port }) => `${host.includes(":") ? `[${host}]` : host}:${port}`),
        certificate: file,
        certificateName: nameOf(certificate),
        validTo: new Date(certificate.validTo),
      },
      ...(warning !== undefined && { warning }),
    };
  } catch (error) {
    signal.throwIfAborted();
    return { warning: `Server ${name} is left out: ${(error as Error).message}.` };
  }
}

async function fetchOrKeep(
  nurls: readonly Nurl[],
  file: string,
  name: string,
  signal: AbortSignal,
): Promise<{ readonly certificate: X509Certificate; readonly warning?: string }> {
  let failure: Error | undefined;
  for (const nurl of nurls) {
    try {
      const certificate = await fetchCertificate(nurl, signal);
      await writeFile(file, certificate.toString());
      return { certificate };
    } catch (error) {
      signal.throwIfAborted();
      failure ??= error as Error;
    }
  }
  const kept = await readFile(file, "utf8").then(
    (pem) => new X509Certificate(pem),
    () => undefined,
  );
  // Whoever may write into the folder may write anything.
  if (kept === undefined || tlsIdOf(kept) !== nurls[0]?.tlsId) throw failure;
  return { certificate: kept, warning: `Server ${name} keeps the certificate from before: ${failure?.message}.` };
}

/**
 * The name in a certificate, which nginx compares: storage servers say `newpb_thingy`, all of them. It says nothing, and
 * stands in nginx's configuration, so it has to be plain.
 */
function nameOf(certificate: X509Certificate): string {
  const [, name = ""] = /^CN=(.*)$/m.exec(certificate.subject) ?? [];
  if (/^[\w .:-]{1,64}$/.test(name)) return name;
  throw new Error("its certificate has no plain name (CN), by which nginx could check it");
}

function dateWarning({ name, validTo }: ProxiedServer, now: number): string | undefined {
  const left = validTo.getTime() - now;
  const date = validTo.toISOString().slice(0, 10);
  if (left < 0) {
    return `Server ${name}: its certificate expired on ${date}, so nginx refuses it (502). The relay does not mind.`;
  }
  if (left > SOON_MS) return undefined;
  return `Server ${name}: its certificate expires on ${date}; from then on nginx refuses it (502). The relay does not mind.`;
}
