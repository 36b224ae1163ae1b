/** What `share_target` in the manifest names. */
const ACTION = "share";
/** A cap, or a file that holds one, is shorter by far. */
const MOST_TEXT = 64 * 1024;

/** Is this what the platform's menu for sharing sends? */
export function isShare({ method, url }: Request, root: URL): boolean {
  return method === "POST" && url === new URL(ACTION, root).href;
}

/**
 * Hands what was shared to the app's page, in the fragment of its address: that part is sent to nobody, and the page takes
 * it away at once.
 */
export async function receiveShare(request: Request, root: URL): Promise<Response> {
  const fields = await request.formData().catch(() => new FormData());
  const texts: string[] = [];
  for (const name of ["url", "text", "files"]) {
    for (const value of fields.getAll(name)) texts.push(typeof value === "string" ? value : await textOf(value));
  }
  const page = new URL(root);
  page.hash = new URLSearchParams({
    add: texts.join("\n").slice(0, MOST_TEXT),
    name: String(fields.get("title") ?? ""),
  }).toString();
  return Response.redirect(page.href, 303);
}

function textOf(file: File): Promise<string> {
  return file.slice(0, MOST_TEXT).text();
}
