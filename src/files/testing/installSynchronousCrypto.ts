import { vi } from "vitest";
import { synchronousCrypto } from "./synchronousCrypto.ts";

/** Makes crypto.subtle's digest, AES-CTR and RSA-PSS compute inside the call, so that virtual time is all the time there is. */
export function installSynchronousCrypto(): void {
  install((work) => work);
}

/**
 * The same, and each result is handed out late, as from a thread that has much to do: when `wait` resolves. What is computed from is
 * looked at in the call, as crypto.subtle does.
 */
export function installLateCrypto(wait: () => Promise<void>): void {
  install(
    (work) =>
      (async (...given: never[]) => {
        const result = (work as (...given: never[]) => Promise<unknown>)(...given);
        await wait();
        return result;
      }) as typeof work,
  );
}

function install(dressed: <F>(work: F) => F): void {
  vi.spyOn(crypto.subtle, "importKey").mockImplementation(
    dressed(synchronousCrypto.importKey as SubtleCrypto["importKey"]),
  );
  vi.spyOn(crypto.subtle, "verify").mockImplementation(dressed(synchronousCrypto.verify));
  vi.spyOn(crypto.subtle, "digest").mockImplementation(dressed(synchronousCrypto.digest));
  vi.spyOn(crypto.subtle, "decrypt").mockImplementation(dressed(synchronousCrypto.decrypt));
}
