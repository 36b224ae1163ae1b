import { expect, it } from "vitest";
import { Grid } from "./Grid.ts";
import { Handles } from "./handles.ts";

it("makes URLs under its scope that hold nothing of the cap", () => {
  const scope = new URL("https://app.example/sub/");
  const container = Object.assign(new EventTarget(), { controller: null }) as unknown as ServiceWorkerContainer;
  const grid = new Grid(scope, container, new Handles(new URL("grid/", scope), new Uint8Array(32), container));
  expect(grid.url("URI:LIT:my", { filename: "film.webm" })).toMatch(/^https:\/\/app\.example\/sub\/grid\/[\w-]{22}$/);
});
