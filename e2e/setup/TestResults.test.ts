import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readPlaywrightReport, readVitestReport } from "./TestResults.mjs";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "gridfetch-reports-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function report(content: unknown): string {
  const path = join(folder, "report.json");
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

describe.each([
  ["vitest", readVitestReport],
  ["playwright", readPlaywrightReport],
])("a report of %s", (_, read) => {
  it("that was never written is none", () => expect(read(join(folder, "none.json"))).toBeUndefined());
  it("that was broken off is none", () => expect(read(report('{"suites": ['))).toBeUndefined());
});

describe("vitest", () => {
  const file = (status: string, ...tests: [name: string, status: string][]) => ({
    name: "a.test.ts",
    status,
    assertionResults: tests.map(([fullName, result]) => ({ fullName, status: result })),
  });

  it("counts tests by what became of them", () => {
    const tests = file("failed", ["a", "passed"], ["b", "failed"], ["c", "pending"], ["d", "todo"], ["e", "skipped"]);
    const results = readVitestReport(report({ success: false, testResults: [tests] }));
    expect(results).toMatchObject({ passed: 1, failed: ["b"], skipped: ["c", "d", "e"], flaky: [] });
  });

  it("tells how long each took", () => {
    const slow = { fullName: "slow", status: "passed", duration: 1_500 };
    const results = readVitestReport(
      report({ success: true, testResults: [{ name: "a.test.ts", status: "passed", assertionResults: [slow] }] }),
    );
    expect(results?.times).toEqual([{ name: "slow", seconds: 1.5 }]);
  });

  it("counts a file that could not be loaded as failed", () => {
    const testResults = [file("passed", ["a", "passed"]), file("failed")];
    const results = readVitestReport(report({ success: false, testResults }));
    expect(results?.failed).toHaveLength(1);
  });

  it("counts an error outside of the tests as failed", () => {
    const results = readVitestReport(report({ success: false, testResults: [file("passed", ["a", "passed"])] }));
    expect(results?.failed).toHaveLength(1);
  });
});

describe("playwright", () => {
  const spec = (title: string, status: string) => ({ title, tests: [{ status }] });

  it("counts tests by what became of them, in suites within suites", () => {
    const inner = { title: "inner", specs: [spec("b", "unexpected"), spec("c", "skipped"), spec("d", "flaky")] };
    const suites = [{ title: "a.spec.ts", specs: [spec("a", "expected")], suites: [inner] }];
    expect(readPlaywrightReport(report({ errors: [], suites }))).toMatchObject({
      passed: 2,
      failed: ["a.spec.ts › inner › b"],
      skipped: ["a.spec.ts › inner › c"],
      flaky: ["a.spec.ts › inner › d"],
    });
  });

  it("says where and what failed first, on one line and without colours", () => {
    const tries = [
      { error: { message: "\u001b[31mExpected: 1\u001b[39m\n\nReceived: 2" } },
      { error: { message: "other" } },
    ];
    const tests = [{ status: "unexpected", projectName: "both-firefox", results: tries }];
    const suites = [{ title: "a.spec.ts", specs: [{ title: "a", tests }] }];
    const results = readPlaywrightReport(report({ errors: [], suites }));
    expect(results?.failed).toEqual(["a.spec.ts › a [both-firefox]: Expected: 1 Received: 2"]);
  });

  it("tells how long each took with all its tries", () => {
    const tests = [{ status: "flaky", results: [{ duration: 2_000 }, { duration: 500 }] }];
    const suites = [{ title: "a.spec.ts", specs: [{ title: "a", tests }] }];
    expect(readPlaywrightReport(report({ errors: [], suites }))?.times).toEqual([
      { name: "a.spec.ts › a", seconds: 2.5 },
    ]);
  });

  it("counts an error outside of the tests as failed", () => {
    const results = readPlaywrightReport(report({ errors: [{ message: "No tests found\nat a" }], suites: [] }));
    expect(results?.failed).toEqual(["No tests found"]);
  });
});
