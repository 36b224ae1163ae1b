import { vi } from "vitest";
import { synchronousCrypto } from "./synchronousCrypto.ts";

/** Makes crypto.subtle's digest, AES-CTR and RSA-PSS compute inside the call, so that virtual time is all the time there is. */
export function installSynchronousCrypto(): void {
  vi.spyOn(crypto.subtle, "importKey").mockImplementation(synchronousCrypto.importKey as SubtleCrypto["importKey"]);
  vi.spyOn(crypto.subtle, "verify").mockImplementation(synchronousCrypto.verify);
  vi.spyOn(crypto.subtle, "digest").mockImplementation(synchronousCrypto.digest);
  vi.spyOn(crypto.subtle, "decrypt").mockImplementation(synchronousCrypto.decrypt);
}
