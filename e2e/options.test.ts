import { expect, it } from "vitest";
import { readOptions } from "./options.mjs";

it("everything, unless told otherwise", () => {
  expect(readOptions([])).toEqual({ only: [], projects: [], mayInstall: true });
});

it("some files, one browser, and nothing installed", () => {
  const options = readOptions(["--only", "relay", "--only=zip", "--browser", "firefox", "--no-setup"]);
  expect(options).toEqual({ only: ["relay", "zip"], projects: ["both-firefox"], mayInstall: false });
});

it("Chromium has tests of its own besides those for every browser", () => {
  expect(readOptions(["--browser", "chromium"]).projects).toEqual(["chromium", "both-chromium"]);
});

it.each([[["--browser", "opera"]], [["--browser", "toString"]], [["--olny", "relay"]], [["relay"]]])(
  "refuses %j, since it would run other tests than were meant",
  (args) => {
    expect(() => readOptions(args)).toThrow();
  },
);
