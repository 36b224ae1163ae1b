import { expect, it, vi } from "vitest";
import { announcement, isQuestion, reply } from "../channel/messages.ts";
import { Grid } from "./Grid.ts";
import { Handles } from "./handles.ts";

it("makes URLs under its scope that hold nothing of the cap", () => {
  const scope = new URL("https://app.example/sub/");
  const container = Object.assign(new EventTarget(), { controller: null }) as unknown as ServiceWorkerContainer;
  const grid = new Grid(scope, container, new Handles(new URL("grid/", scope), new Uint8Array(32), container));
  expect(grid.url("URI:LIT:my", { filename: "film.webm" })).toMatch(/^https:\/\/app\.example\/sub\/grid\/[\w-]{22}$/);
});

it("says to each worker that asks what it has configured and no worker could keep, all of it", async () => {
  const scope = new URL("https://app.example/");
  const told: unknown[] = [];
  let isKept = false;
  const controller = {
    postMessage(data: unknown, [port]: [MessagePort]) {
      if (!isQuestion(data) || data.kind !== "configure") throw new Error("not asked");
      told.push(data.payload);
      port.postMessage(reply("configure", { isKept }));
    },
  };
  const container = Object.assign(new EventTarget(), { controller }) as unknown as ServiceWorkerContainer;
  const grid = new Grid(scope, container, new Handles(new URL("grid/", scope), new Uint8Array(32), container));
  const config = { servers: [] };
  expect(await grid.configure({ config })).toBe(false);
  expect(await grid.configure({ secrets: { oak: "x" } })).toBe(false);
  const ask = async () => {
    const before = told.length;
    container.dispatchEvent(new MessageEvent("message", { data: announcement("settingsWanted", {}) }));
    await vi.waitFor(() => expect(told.length).toBe(before + 1));
    return told.at(-1);
  };
  expect(await ask()).toEqual({ config, secrets: { oak: "x" } });
  isKept = true;
  await grid.configure({ secrets: null });
  expect(await ask()).toEqual({});
});
