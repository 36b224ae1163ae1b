import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { buffer } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseGridConfig } from "../servers/parseGridConfig.ts";
import { RELAY_CODES } from "../servers/relayCodes.ts";
import { runCommandLine } from "./cli/runCommandLine.ts";
import { type DevelopmentGrid, startDevelopmentGrid } from "./grid/developmentGrid.ts";
import { NginxServer, nginxBin } from "./proxy/testing/NginxServer.ts";
import { freePort } from "./testing/freePort.ts";
import { runGridfetch } from "./testing/runGridfetch.ts";

const document = new URL("../../docs/operators.md", import.meta.url);

let folder: string;
let grid: DevelopmentGrid;
let text: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "gridfetch-operators-"));
  grid = await startDevelopmentGrid({ folder: join(folder, "grid"), servers: 2, https: true });
  await writeFile(join(folder, "servers.yaml"), await readFile(grid.serversFile));
  text = await readFile(document, "utf8");
});

afterAll(async () => {
  await grid.close();
  await rm(folder, { recursive: true });
});

function blocks(language: string): string[] {
  const fence = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "gm");
  return [...text.matchAll(fence)].map(([, block = ""]) => block);
}

/** The commands as a shell would split them, with files in this test's folder. */
function commands(): { args: string[]; output: string | undefined }[] {
  const lines = blocks("sh").flatMap((block) => block.replaceAll("\\\n", " ").trim().split("\n"));
  return lines.map((line) => {
    const [program, name, ...words] = line.split(/\s+/);
    expect([program, name]).toEqual(["npx", "gridfetch"]);
    const to = words.indexOf(">");
    const isFile = (word: string) => /^[\w-]+\.(?:yaml|json|pem)$|^nginx/.test(word);
    const args = (to < 0 ? words : words.slice(0, to)).map((word) => (isFile(word) ? join(folder, word) : word));
    return { args, output: to < 0 ? undefined : words[to + 1] };
  });
}

it("docs/operators.md: its commands work in the order in which they stand", async () => {
  const run: string[] = [];
  for (const { args, output } of commands()) {
    run.push(args[0]!);
    if (args[0] === "relay") {
      await runRelay(args);
      continue;
    }
    // The document's own origins are not there to be asked.
    if (args[0] === "check" && args.includes("--config")) continue;
    const { status, stdout, stderr } = await runGridfetch(args);
    expect([args, status, stderr.includes("error")]).toEqual([args, 0, false]);
    if (output !== undefined) await writeFile(join(folder, output), stdout);
    if (args[0] === "grid-config") expect(parseGridConfig(JSON.parse(`${stdout}`))[0].servers).toHaveLength(2);
  }
  expect(new Set(run)).toEqual(new Set(["check", "relay", "grid-config", "proxy-config"]));
});

it("docs/operators.md: has a line for each problem that a check names, and each code of the relay", async () => {
  const source = await readFile(new URL("../base/GridCheck.ts", import.meta.url), "utf8");
  const [, union = ""] = /type CheckProblem =([^;]*);/.exec(source) ?? [];
  const problems = [...union.matchAll(/\| "([\w-]+)"/g)].map(([, problem]) => problem);
  expect(problems.length).toBeGreaterThan(10);
  for (const problem of problems) expect(text).toMatch(new RegExp(`^\\| [^|]*\`${problem}\``, "m"));
  const [, closeTable = ""] = text.split("| code | |");
  for (const code of Object.values(RELAY_CODES)) expect(closeTable).toContain(`${code}`);
});

it.skipIf(nginxBin === undefined)("docs/operators.md: nginx takes what it says", async () => {
  await mkdir(join(folder, "try"), { recursive: true });
  const list = join(folder, "servers.yaml");
  const made = ["proxy-config", "--servers", list, "--origin", "https://app.example", "--folder", join(folder, "try")];
  expect((await runGridfetch(made)).status).toBe(0);
  const [relay = ""] = blocks("nginx");
  const http = `include ${join(folder, "try/http.conf")};`;
  const server = `server { listen 127.0.0.1:18410; ${relay} include ${join(folder, "try/locations.conf")}; }`;
  const configuration = `pid ${folder}/nginx.pid; events {} http { access_log off; ${http} ${server} }`;
  await writeFile(join(folder, "nginx.conf"), configuration);
  const { status, stderr } = spawnSync(nginxBin!, ["-t", "-e", "stderr", "-c", join(folder, "nginx.conf")], {
    encoding: "utf8",
  });
  expect([status, stderr.includes("[emerg]")]).toEqual([0, false]);
});

describe.skipIf(nginxBin === undefined)("docs/operators.md: nginx as it says for the app", () => {
  let nginx: NginxServer;
  let url: string;

  beforeAll(async () => {
    const [, map, location] = blocks("nginx");
    const root = join(folder, "app");
    await mkdir(root);
    await writeFile(join(root, "bootstrap.html"), "wait for the worker");
    await writeFile(join(root, "index.html"), "the app");
    const port = await freePort();
    const server = `server { listen 127.0.0.1:${port}; root ${root}; ${location} }`;
    nginx = await NginxServer.start(join(folder, "app-nginx"), `${map} ${server}`, port);
    url = `http://127.0.0.1:${port}/`;
  });
  afterAll(() => nginx.stop());

  const VISIT = { "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", Accept: "text/html" };
  const PATHS = ["grid/x", "uri/URI%3ALIT%3Ame", "uri?uri=x", "cap/x", "file/x/a.webm", "named/x/y"];

  it.each([VISIT, { ...VISIT, "Sec-Fetch-Dest": "iframe" }])(
    "gives a visit the page that starts the worker: %j",
    async (headers) => {
      for (const path of PATHS) {
        const response = await get(path, headers);
        expect([response.status, await response.text()]).toEqual([200, "wait for the worker"]);
        expect(response.headers.get("cache-control")).toBe("no-store");
        expect(response.headers.get("referrer-policy")).toBe("no-referrer");
      }
    },
  );

  it.each<Record<string, string>>([
    { Accept: "text/html" },
    { ...VISIT, Range: "bytes=0-" },
    { ...VISIT, "Sec-Fetch-Dest": "empty" },
    { ...VISIT, "Sec-Fetch-Dest": "object" },
    { ...VISIT, "Sec-Fetch-Dest": "embed" },
    { "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image" },
  ])("gives nothing but an error to %j", async (headers) => {
    for (const path of PATHS) {
      const response = await get(path, headers);
      expect([response.status, response.headers.get("cache-control")]).toEqual([503, "no-store"]);
      expect(await response.text()).not.toContain("worker");
    }
  });

  it("leaves other paths alone, and writes no grid URL down", async () => {
    expect(await (await get("", VISIT)).text()).toBe("the app");
    expect((await get("urix", VISIT)).status).toBe(404);
    expect(await nginx.logs()).not.toMatch(/URI|\/grid\/|\/cap\//);
  });

  /** Not Node's fetch, which sends a Sec-Fetch-Mode of its own. */
  function get(path: string, headers: Record<string, string>): Promise<Response> {
    return new Promise((resolve, reject) => {
      request(new URL(path, url), { headers }, async (response) => {
        const body = await buffer(response);
        resolve(
          new Response(body, { status: response.statusCode!, headers: response.headers as Record<string, string> }),
        );
      })
        .once("error", reject)
        .end();
    });
  }
});

async function runRelay(args: readonly string[]): Promise<void> {
  const stop = new AbortController();
  const stdout = new PassThrough();
  // Whatever port the document says: a free one here.
  const words = args.map((word, index) => (args[index - 1] === "--port" ? "0" : word));
  const terminal = { stdin: new PassThrough().end(), stdout, stderr: new PassThrough(), signal: stop.signal };
  const running = runCommandLine(words, terminal);
  const [line] = (await once(stdout, "data")) as [Buffer];
  expect(JSON.parse(line.toString())).toMatchObject({ event: "listening", origins: ["https://app.example"] });
  stop.abort();
  expect(await running).toBe(0);
}
