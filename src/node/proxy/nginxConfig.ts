import { createHash } from "node:crypto";

/** A storage server as nginx is to reach it. */
export interface ProxiedServer {
  readonly tlsId: string;
  /** For people. */
  readonly name: string;
  /** `host:port`, an IPv6 address in brackets. Several are several ways to the same server. */
  readonly addresses: readonly string[];
  /** Path of the server's certificate, PEM. */
  readonly certificate: string;
  /** What the certificate calls itself. */
  readonly certificateName: string;
  /** Until when nginx accepts the certificate. */
  readonly validTo: Date;
}

export interface NginxSettings {
  readonly servers: readonly ProxiedServer[];
  /** The apps that may read. */
  readonly origins: readonly string[];
  /** Under which path the servers are, as in `/grid-servers/`. */
  readonly path: string;
  /** Only for an origin of its own. */
  readonly host?: OwnOrigin;
}

export interface OwnOrigin {
  readonly name: string;
  readonly port: number;
  /** Paths of what the front shows; without them it speaks HTTP, which pages can use on loopback alone. */
  readonly tls?: { readonly certificate: string; readonly key: string };
}

/** The configuration, by the context of nginx's configuration that it belongs in. */
export interface NginxConfig {
  /** In `http { … }`. */
  readonly http: string;
  /** In the `server { … }` of the app; none where the proxy has an origin of its own. */
  readonly locations?: string;
}

/** Headers by which a storage server could do things on the app's origin, or that speak of the server itself. */
const HIDDEN_HEADERS = [
  ...["Set-Cookie", "Clear-Site-Data", "Service-Worker-Allowed", "Refresh", "Link", "Location", "Alt-Svc", "NEL"],
  ...[
    "Report-To",
    "Reporting-Endpoints",
    "Strict-Transport-Security",
    "Content-Security-Policy",
    "Content-Disposition",
  ],
  ...["Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Access-Control-Expose-Headers"],
  ...["Cache-Control", "Expires", "WWW-Authenticate"],
];

/**
 * Makes a configuration for nginx 1.18 or newer that lets pages read from unmodified storage servers, and nothing else: GET
 * and HEAD of the storage protocol, by the apps' origins, each server's certificate pinned. What a server sends gets headers
 * under which a browser runs none of it, since it may be on the app's own origin.
 */
export function nginxConfig(settings: NginxSettings): NginxConfig {
  const { servers, host, origins } = settings;
  const name = ownName(settings);
  const head = "# Made by gridfetch proxy-config. Make it anew when servers come, go or change their certificates.\n";
  const upstreams = servers.map((server, index) => upstream(server, `${name}_${index}`)).join("\n");
  const http = `${head}\n${originMaps(origins, name)}\n${upstreams}`;
  const locations = servers.map((server, index) => location(server, `${name}_${index}`, settings, name)).join("\n");
  if (host === undefined) return { http, locations: `${head}\n${locations}` };
  return { http: `${http}\n${ownServer(host, locations)}` };
}

/** What the names in this configuration begin with: one nginx may have several, for several grids or origins. */
function ownName({ servers, origins, path, host }: NginxSettings): string {
  const facts = JSON.stringify([servers.map(({ tlsId }) => tlsId), origins, path, host?.name, host?.port]);
  return `gridfetch_${createHash("sha256").update(facts).digest("hex").slice(0, 8)}`;
}

/** Same-origin requests to read have no Origin, and neither have programs, which are asked for no more than browsers. */
function originMaps(origins: readonly string[], name: string): string {
  const each = (value: string) => origins.map((origin) => `    ${quoted(origin)} ${value};`);
  return [
    ...[`map $http_origin $${name}_may_read {`, "    default 0;", '    "" 1;', ...each("1"), "}"],
    ...[`map $http_origin $${name}_origin {`, '    default "";', ...each("$http_origin"), "}", ""],
  ].join("\n");
}

function upstream({ addresses, name, validTo }: ProxiedServer, upstreamName: string): string {
  return [
    `# ${comment(name)}: its certificate is valid until ${validTo.toISOString().slice(0, 10)}`,
    `upstream ${upstreamName} {`,
    // A server that failed once is not kept from readers: they choose among servers themselves.
    ...addresses.map((address) => `    server ${address} max_fails=0;`),
    // A file that is opened is asked for in a dozen requests at once, and a connection to a server costs round trips, too.
    "    keepalive 32;",
    // Storage servers close an idle connection after 60 s.
    "    keepalive_timeout 45s;",
    "}",
    "",
  ].join("\n");
}

function location(server: ProxiedServer, upstreamName: string, { path, host }: NginxSettings, name: string): string {
  const to = `https://${upstreamName}/storage/v1/`;
  return [
    `location ${path}${server.tlsId}/storage/v1/ {`,
    ...indented([
      `if ($${name}_may_read = 0) { return 403; }`,
      // A script from here would be a worker of the app's origin.
      "if ($http_service_worker) { return 403; }",
      ...(host === undefined ? [] : preflight(name)),
      "if ($request_method !~ ^(GET|HEAD)$) { return 405; }",
      "",
      "# Nothing of the visitor but these goes to the storage server: no cookie, no address.",
      "proxy_pass_request_headers off;",
      "proxy_pass_request_body off;",
      "proxy_set_header Authorization $http_authorization;",
      "proxy_set_header Range $http_range;",
      "proxy_set_header Accept $http_accept;",
      `proxy_set_header Host ${quoted(server.addresses[0] ?? "")};`,
      'proxy_set_header Content-Length "";',
      "proxy_http_version 1.1;",
      'proxy_set_header Connection "";',
      `proxy_pass ${to};`,
      "",
      "# TLS with this server's certificate alone.",
      "proxy_ssl_verify on;",
      `proxy_ssl_trusted_certificate ${quoted(server.certificate)};`,
      `proxy_ssl_name ${quoted(server.certificateName)};`,
      "proxy_ssl_protocols TLSv1.2 TLSv1.3;",
      "",
      "# A server cannot tell nginx what to do, or browsers more than what it holds.",
      "proxy_ignore_headers X-Accel-Redirect X-Accel-Expires X-Accel-Limit-Rate X-Accel-Buffering X-Accel-Charset;",
      ...HIDDEN_HEADERS.map((header) => `proxy_hide_header ${header};`),
      ...responseHeaders(host !== undefined, name),
      "",
      "# Shares go through memory, a mebibyte for each request at most.",
      "proxy_buffers 16 64k;",
      "proxy_buffer_size 64k;",
      "proxy_busy_buffers_size 256k;",
      "proxy_max_temp_file_size 0;",
      "# A cache that is set up for all else would give what one secret opened to whoever asks next.",
      "proxy_cache off;",
      "proxy_store off;",
      "proxy_connect_timeout 10s;",
      "proxy_read_timeout 60s;",
      "gzip off;",
      "# Who reads what is in the URLs. The secrets are in Authorization, which is in no log but nginx's debug log.",
      "access_log off;",
    ]),
    "}",
    "",
  ].join("\n");
}

/** Browsers ask before they send Authorization or Range to another origin; the servers answer that with 405. */
function preflight(name: string): string[] {
  return [
    "if ($request_method = OPTIONS) {",
    ...indented([
      ...crossOriginHeaders(name),
      'add_header Access-Control-Allow-Methods "GET, HEAD" always;',
      'add_header Access-Control-Allow-Headers "Authorization, Range" always;',
      "add_header Access-Control-Max-Age 7200 always;",
      "return 204;",
    ]),
    "}",
  ];
}

function responseHeaders(isOtherOrigin: boolean, name: string): string[] {
  return [
    ...(isOtherOrigin ? crossOriginHeaders(name) : []),
    ...(isOtherOrigin ? ["add_header Access-Control-Expose-Headers Content-Range always;"] : []),
    "add_header Cache-Control no-store always;",
    `add_header Content-Security-Policy "sandbox; default-src 'none'" always;`,
    "add_header Content-Disposition attachment always;",
    "add_header X-Content-Type-Options nosniff always;",
  ];
}

/** nginx leaves out a header without a value. */
function crossOriginHeaders(name: string): string[] {
  return [`add_header Access-Control-Allow-Origin $${name}_origin always;`, "add_header Vary Origin always;"];
}

function ownServer({ name, port, tls }: OwnOrigin, locations: string): string {
  const lines = [
    // From nginx 1.25 on "http2 on;" is preferred; this form works there, too.
    `listen ${port}${tls ? " ssl http2" : ""};`,
    `server_name ${name};`,
    ...(tls ? [`ssl_certificate ${quoted(tls.certificate)};`, `ssl_certificate_key ${quoted(tls.key)};`] : []),
    "",
    ...locations.split("\n").slice(0, -1),
    "",
    "location / { return 404; }",
  ];
  return ["server {", ...indented(lines), "}", ""].join("\n");
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => (line === "" ? "" : `    ${line}`));
}

/** A text as nginx reads it: nothing in it ends the text or is taken for a variable. */
function quoted(text: string): string {
  return `"${text.replace(/[\\"]/g, "\\$&")}"`;
}

/** What stands in a comment ends with the line. */
function comment(text: string): string {
  return text.replace(/[^\x20-\x7e\u00a0-\uffff]/g, " ");
}
