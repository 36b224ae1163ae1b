import { randomBytes } from "node:crypto";
import type { Page } from "puppeteer-core";
import type { HandleRecord } from "../../src/base/HandleRecord.ts";
import type { Payload, QuestionKind } from "../../src/channel/messages.ts";

/** Has the tab's worker keep an opaque URL, as a page's client does, and gives it. */
export async function makeHandle(tab: Page, cap: string, record: Partial<HandleRecord> = {}): Promise<string> {
  const handle = randomBytes(16).toString("base64url");
  const whole = { cap, filename: "", download: false, type: "", grid: "", ...record };
  await ask(tab, "handles", { entries: [{ handle, record: whole }] });
  return `/grid/${handle}`;
}

/** Asks the worker of the tab, and gives its reply. */
export function ask<Kind extends QuestionKind>(tab: Page, kind: Kind, payload: Payload<Kind>): Promise<unknown> {
  return tab.evaluate(
    (kind, payload) =>
      new Promise((resolve) => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = ({ data }) => resolve(data);
        const message = { gridfetch: { oldest: 1, newest: 1 }, kind, payload };
        navigator.serviceWorker.controller?.postMessage(message, [port2]);
      }),
    kind,
    payload as object,
  );
}
