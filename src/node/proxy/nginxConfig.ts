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
  /** Only where what one visitor read is kept for the next. */
  readonly cache?: ShareCache;
}

export interface ShareCache {
  /** A path; nginx makes the folder, for itself alone. */
  readonly folder: string;
  /** In bytes, about. */
  readonly size: number;
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
  ...["Cache-Control", "Cache-Status", "Expires", "Vary", "WWW-Authenticate"],
];

/**
 * Makes a configuration for nginx 1.18 or newer that lets pages read from unmodified storage servers, and nothing else: GET
 * and HEAD of the storage protocol, by the apps' origins, each server's certificate pinned. What a server sends gets headers
 * under which a browser runs none of it, since it may be on the app's own origin.
 */
export function nginxConfig(settings: NginxSettings): NginxConfig {
  const { servers, host, origins, cache } = settings;
  const name = ownName(settings);
  const head = "# Made by gridfetch proxy-config. Make it anew when servers come, go or change their certificates.\n";
  const upstreams = servers.map((server, index) => upstream(server, `${name}_${index}`)).join("\n");
  const kept = cache === undefined ? "" : `${shareCache(cache, name)}\n`;
  const http = `${head}\n${originMaps(origins, name)}\n${kept}${upstreams}`;
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

const MiB = 1024 * 1024;
/** nginx has room for 8000 keys in a mebibyte, and readers ask for some 350 kB at a time: room for four times as many. */
const KEYS_OF_MIB = 1024;

/**
 * A range of 10 MB at most, in a language that cannot subtract: both ends have the same digits before the last seven, or the digit before
 * them goes up by one and the range is of 2 MB at most. (Of what readers ask for three in a thousand are neither, and are not kept.)
 */
const SHORT_RANGE = [
  ...["[0-9]{1,7}-[0-9]{1,7}", "9[0-9]{6}-10[0-9]{6}", "([0-9]+)[0-9]{7}-\\g{1}[0-9]{7}"],
  ...Array.from({ length: 9 }, (_, digit) => `([0-9]*)${digit}9[0-9]{6}-\\g{${digit + 2}}${digit + 1}0[0-9]{6}`),
].join("|");

/**
 * What of which requests is kept: one range of one immutable share, as a reader asks for it. A list of shares may become longer, and a
 * mutable share another. nginx's slices do not do: storage servers do not tell a share's length.
 */
function shareCache({ folder, size }: ShareCache, name: string): string {
  const keys = Math.max(8, Math.ceil(size / MiB / KEYS_OF_MIB));
  const path = `${quoted(folder)} levels=1:2 keys_zone=${name}_cache:${keys}m`;
  return [
    `proxy_cache_path ${path} max_size=${Math.ceil(size / MiB)}m inactive=30d use_temp_path=off;`,
    `map "$request_method $uri$is_args$args $http_range" $${name}_passes {`,
    "    default 1;",
    `    "~^GET /.*/storage/v1/immutable/[a-z2-7]+/[0-9]+ bytes=(?:${SHORT_RANGE})$" 0;`,
    "}",
    "# Readers are told that there is a cache (RFC 9211): they ask for the same ranges then, whatever they want.",
    `map "$uri $upstream_cache_status" $${name}_status {`,
    '    default "";',
    '    "~/storage/v1/immutable/.* HIT$" "gridfetch; hit";',
    '    "~/storage/v1/immutable/.* MISS$" "gridfetch; fwd=uri-miss";',
    '    "~/storage/v1/immutable/.* EXPIRED$" "gridfetch; fwd=stale";',
    '    "~/storage/v1/immutable/" "gridfetch; fwd=bypass";',
    "}",
    "",
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

function location(server: ProxiedServer, upstreamName: string, settings: NginxSettings, name: string): string {
  const { path, host, cache } = settings;
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
      "proxy_ignore_headers X-Accel-Redirect X-Accel-Expires X-Accel-Limit-Rate X-Accel-Buffering X-Accel-Charset",
      "    Cache-Control Expires Set-Cookie Vary;",
      ...HIDDEN_HEADERS.map((header) => `proxy_hide_header ${header};`),
      ...responseHeaders(settings, name),
      "",
      "# Shares go through memory, a mebibyte for each request at most.",
      "proxy_buffers 16 64k;",
      "proxy_buffer_size 64k;",
      "proxy_busy_buffers_size 256k;",
      "proxy_max_temp_file_size 0;",
      ...(cache === undefined ? uncached : cached(server, name)),
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

const uncached = [
  "# A cache that is set up for all else would give what one secret opened to whoever asks next.",
  "proxy_cache off;",
];

function cached({ tlsId }: ProxiedServer, name: string): string[] {
  return [
    "",
    "# Only who shows the same secret gets what is kept.",
    `proxy_cache ${name}_cache;`,
    `proxy_cache_key "${tlsId} $uri $http_range $http_accept $http_authorization";`,
    `proxy_cache_bypass $${name}_passes;`,
    `proxy_no_cache $${name}_passes;`,
    "# An immutable share stays as it is. Anything but a part of one is asked for again each time.",
    "proxy_cache_valid 206 30d;",
    "proxy_cache_methods GET HEAD;",
    "proxy_cache_convert_head off;",
    "proxy_cache_min_uses 1;",
    "proxy_cache_revalidate off;",
    "proxy_cache_background_update off;",
    "proxy_cache_use_stale off;",
    "# Of visitors who ask for the same at once, one is passed on, and the others wait for what he gets.",
    "proxy_cache_lock on;",
    "proxy_cache_lock_age 10s;",
    "proxy_cache_lock_timeout 10s;",
    "",
  ];
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

function responseHeaders({ host, cache }: NginxSettings, name: string): string[] {
  const exposed = cache === undefined ? "Content-Range" : '"Content-Range, Cache-Status"';
  return [
    ...(host === undefined ? [] : crossOriginHeaders(name)),
    ...(host === undefined ? [] : [`add_header Access-Control-Expose-Headers ${exposed} always;`]),
    ...(cache === undefined ? [] : [`add_header Cache-Status $${name}_status always;`]),
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
