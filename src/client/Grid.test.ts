import { describe, expect, it } from "vitest";
import { Grid } from "./Grid.ts";

const grid = new Grid(new URL("https://app.example/sub/"), new EventTarget() as ServiceWorkerContainer);
const cap = "URI:CHK:aaaa:bbbb:3:10:900";
const quoted = "URI%3ACHK%3Aaaaa%3Abbbb%3A3%3A10%3A900";

describe("Grid.url", () => {
  it.each<[string, Parameters<Grid["url"]>[1], string]>([
    ["no name", {}, `uri/${quoted}`],
    ["a name", { filename: "film.webm" }, `file/${quoted}/@@named=/film.webm`],
    [
      "a name of any characters",
      { filename: "50% ä/b?#&+.txt" },
      `file/${quoted}/@@named=/50%25%20%C3%A4%2Fb%3F%23%26%2B.txt`,
    ],
    ["a download", { filename: "film.webm", download: true }, `uri/${quoted}?filename=film.webm&save=true`],
    [
      "a download of any characters",
      { filename: "ä &=.txt", download: true },
      `uri/${quoted}?filename=%C3%A4+%26%3D.txt&save=true`,
    ],
    ["a nameless download", { download: true }, `uri/${quoted}?save=true`],
    ["a name that a path cannot hold", { filename: ".." }, `uri/${quoted}?filename=..`],
    ["an empty name", { filename: "" }, `uri/${quoted}`],
  ])("with %s", (_, options, path) => {
    expect(grid.url(cap, options)).toBe(`https://app.example/sub/${path}`);
  });

  it("keeps a cap of any text within the scope", () => {
    expect(new URL(grid.url("../../evil?#", { filename: "a" })).pathname).toMatch(/^\/sub\/file\/[^/]+\/@@named=\/a$/);
  });
});
