import { expect, it } from "vitest";
import { isShare, receiveShare } from "./receiveShare.ts";

const ROOT = new URL("https://app.example/");

function share(fields: Record<string, string | File>): Request {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.append(name, value);
  return new Request("https://app.example/share", { method: "POST", body });
}

async function fragmentOf(request: Request): Promise<Record<string, string>> {
  const response = await receiveShare(request, ROOT);
  expect(response.status).toBe(303);
  const location = new URL(response.headers.get("Location") as string);
  expect(location.href).toBe(`https://app.example/${location.hash}`);
  return Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
}

it("hands text, address and files on in the fragment, which no server gets", async () => {
  const file = new File(["[InternetShortcut]\nURL=http://g/uri/URI:LIT:me"], "a.url");
  const given = await fragmentOf(share({ title: "A film", text: "look", url: "https://g/", files: file }));
  expect(given).toEqual({ add: "https://g/\nlook\n[InternetShortcut]\nURL=http://g/uri/URI:LIT:me", name: "A film" });
});

it("takes no more than a page's address may hold, and survives what is no form", async () => {
  expect((await fragmentOf(share({ text: "x".repeat(200_000) }))).add).toHaveLength(65_536);
  const request = new Request("https://app.example/share", { method: "POST", body: "nothing" });
  expect(await fragmentOf(request)).toEqual({ add: "", name: "" });
});

it("is for the manifest's address alone", () => {
  expect(isShare(share({}), ROOT)).toBe(true);
  expect(isShare(new Request("https://app.example/share"), ROOT)).toBe(false);
  expect(isShare(new Request("https://app.example/else", { method: "POST" }), ROOT)).toBe(false);
});
