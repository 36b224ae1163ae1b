import { afterEach, expect, it, vi } from "vitest";
import { permissionOf } from "./permissionOf.ts";

afterEach(() => vi.unstubAllGlobals());

it("is what the browser says", async () => {
  const query = vi.fn(async () => ({ state: "prompt" }));
  vi.stubGlobal("navigator", { permissions: { query } });
  expect(await permissionOf("local-network")).toBe("prompt");
  expect(query).toHaveBeenCalledWith({ name: "local-network" });
});

it.each([
  ["does not know the permission", { permissions: { query: () => Promise.reject(new TypeError("unknown")) } }],
  [
    "throws at once",
    {
      permissions: {
        query: () => {
          throw new TypeError("unknown");
        },
      },
    },
  ],
  ["has no permissions", {}],
])("is unknown where the browser %s", async (_, navigator) => {
  vi.stubGlobal("navigator", navigator);
  expect(await permissionOf("loopback-network")).toBeUndefined();
});
