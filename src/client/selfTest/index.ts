/** For pages: find out with a film whether a browser does all that apps need. */
export {
  type SelfTestName,
  type SelfTestOptions,
  type SelfTestReport,
  type SelfTestStep,
  selfTest,
} from "./selfTest.ts";
