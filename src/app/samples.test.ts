import { afterEach, expect, it, vi } from "vitest";
import { fetchServerNames } from "./samples.ts";

afterEach(() => {
  vi.unstubAllGlobals();
});

it("shows nicknames, which servers' operators chose, with nothing unseen in them", async () => {
  const servers = [{ id: "v0-oak", nickname: "O\u202eak\n" }, { id: "v0-elm" }];
  vi.stubGlobal("fetch", async () => Response.json({ grids: [{ name: "home", servers }] }));
  expect(await fetchServerNames()).toEqual(["O<U+202E>ak<U+000A>", "v0-elm"]);
});
