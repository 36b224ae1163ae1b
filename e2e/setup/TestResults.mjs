import { readFileSync } from "node:fs";
import { relative } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { checkout } from "../../src/node/setup/checkout.mjs";

/**
 * What one test runner reported.
 * @typedef {{ passed: number, failed: string[], skipped: string[], flaky: string[], times: TestTime[] }} TestResults names of tests,
 *   with what failed in them; `flaky`: passed, but only when it was run again. They are among `passed` too.
 *
 * How long a test took, with all its tries.
 * @typedef {{ name: string, seconds: number }} TestTime
 */

/**
 * Reads vitest's JSON report. A file that could not be loaded counts as one failed test.
 * @param {string} path
 * @returns {TestResults | undefined} nothing if there is no report
 */
export function readVitestReport(path) {
  const report = readJson(path);
  if (!report) return undefined;
  /** @type {TestResults} */
  const results = { passed: 0, failed: [], skipped: [], flaky: [], times: [] };
  for (const file of report.testResults) {
    for (const test of file.assertionResults) {
      if (test.status === "passed") results.passed++;
      else if (test.status === "failed") results.failed.push(withReason(test.fullName, test.failureMessages?.[0]));
      else results.skipped.push(test.fullName);
      results.times.push({ name: test.fullName, seconds: (test.duration ?? 0) / 1000 });
    }
    if (file.status === "failed" && file.assertionResults.length === 0)
      results.failed.push(relative(checkout, file.name));
  }
  // Errors outside of any test make vitest fail with no test to show for it.
  if (!report.success && results.failed.length === 0) results.failed.push("an error outside of the tests");
  return results;
}

/**
 * Reads playwright's JSON report. An error outside of any test counts as one failed test.
 * @param {string} path
 * @returns {TestResults | undefined} nothing if there is no report
 */
export function readPlaywrightReport(path) {
  const report = readJson(path);
  if (!report) return undefined;
  /** @type {TestResults} */
  const results = { passed: 0, failed: [], skipped: [], flaky: [], times: [] };
  for (const error of report.errors) results.failed.push(String(error.message).split("\n")[0] ?? "");
  /** @param {any} suite @param {string} above */
  const visit = (suite, above) => {
    const name = `${above}${suite.title} › `;
    for (const spec of suite.specs ?? []) {
      for (const test of spec.tests) {
        const full = `${name}${spec.title}${test.projectName ? ` [${test.projectName}]` : ""}`;
        const reason = test.results?.find((/** @type {any} */ result) => result.error)?.error.message;
        const took = (test.results ?? []).reduce(
          (/** @type {number} */ sum, /** @type {any} */ { duration }) => sum + duration,
          0,
        );
        results.times.push({ name: full, seconds: took / 1000 });
        if (test.status === "expected" || test.status === "flaky") results.passed++;
        if (test.status === "flaky") results.flaky.push(withReason(full, reason));
        if (test.status === "skipped") results.skipped.push(full);
        if (test.status === "unexpected") results.failed.push(withReason(full, reason));
      }
    }
    for (const inner of suite.suites ?? []) visit(inner, name);
  };
  for (const suite of report.suites) visit(suite, "");
  return results;
}

/**
 * A test's name and the start of what it failed with, on one line: a summary is all that is left of some runs.
 * @param {string} name
 * @param {string | undefined} reason
 */
function withReason(name, reason) {
  if (!reason) return name;
  const line = stripVTControlCharacters(reason).replace(/\s+/g, " ").trim();
  return `${name}: ${line.length > 300 ? `${line.slice(0, 300)} …` : line}`;
}

/** @param {string} path @returns {any} */
function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}
