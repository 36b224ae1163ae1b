import { type Browser, chromium } from "@playwright/test";

/** Starts a Chromium that does nothing by itself. */
export function launchChromium(executablePath: string, more: readonly string[] = []): Promise<Browser> {
  const args = ["--disable-background-networking", "--disable-component-update", "--disable-gpu", "--no-first-run"];
  // Chromium's sandbox refuses to start as root, as in a container.
  if (process.getuid?.() === 0) args.push("--no-sandbox");
  return chromium.launch({ executablePath, args: [...args, ...more] });
}
