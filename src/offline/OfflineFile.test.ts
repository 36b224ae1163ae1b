import { expect, it } from "vitest";
import { VirtualClock } from "../files/testing/VirtualClock.ts";
import { OfflineFile } from "./OfflineFile.ts";
import { MemoryOfflineStore } from "./testing/MemoryOfflineStore.ts";

it("that could not write what came late does so when it is begun again, after room was made", async () => {
  const store = new MemoryOfflineStore();
  const clock = new VirtualClock();
  await store.change("a", () => ({ id: "a", cap: "URI:…", grid: "", size: 20, keptBytes: 0, state: "keeping" }));
  const file = new OfflineFile("a", store, clock, () => undefined);
  await file.load();
  store.room = 0;
  file.putSegment(0, new Uint8Array(10));
  await expect(file.flush()).rejects.toMatchObject({ code: "STORE_FULL" });
  // Was on its way when that failed.
  file.putSegment(1, new Uint8Array(10));
  await clock.run(1_000);
  store.room = 100;
  await file.reload();
  for (const segment of [0, 1]) file.putSegment(segment, new Uint8Array(10));
  await file.flush();
  expect(await store.get("a")).toMatchObject({ keptBytes: 20 });
});
