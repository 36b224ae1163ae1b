import { parseArgs } from "node:util";

/** The projects of playwright.config.ts that a browser has tests in. */
const projectsOf = {
  chromium: ["chromium", "both-chromium"],
  firefox: ["both-firefox"],
  webkit: ["both-webkit"],
};

export const usage = `npm test -- [--only TEXT] [--browser ${Object.keys(projectsOf).join("|")}] [--no-setup]

  --only TEXT     only the tests in files with TEXT in their path; may be given again
  --browser NAME  only the browser tests, in that browser; may be given again
  --no-setup      installs nothing: what is missing is said, and left out

Without any of these: lint, types, build, and all tests.`;

/**
 * What a run of the tests is to be.
 * @typedef {object} RunOptions
 * @property {readonly string[]} only parts of test files' paths; all files where there are none
 * @property {readonly string[]} projects of Playwright; all of them where there are none
 * @property {boolean} mayInstall
 */

/**
 * @param {readonly string[]} args of the command line
 * @returns {RunOptions}
 * @throws Error that says what cannot be understood
 */
export function readOptions(args) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: "string", multiple: true, default: [] },
      browser: { type: "string", multiple: true, default: [] },
      "no-setup": { type: "boolean", default: false },
    },
  });
  return {
    only: values.only,
    projects: values.browser.flatMap((name) => {
      if (!Object.hasOwn(projectsOf, name)) throw new Error(`There is no browser "${name}" in the tests.`);
      return projectsOf[/** @type {keyof typeof projectsOf} */ (name)];
    }),
    mayInstall: !values["no-setup"],
  };
}
