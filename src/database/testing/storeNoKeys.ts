import { vi } from "vitest";

/** As Safari without a keychain: a CryptoKey cannot be stored, all else can. Until `vi.restoreAllMocks`. */
export function storeNoKeys(): void {
  const { put } = IDBObjectStore.prototype;
  vi.spyOn(IDBObjectStore.prototype, "put").mockImplementation(function (this: IDBObjectStore, value, key) {
    if (value instanceof CryptoKey) throw new DOMException("Failed to store a key", "DataCloneError");
    return put.call(this, value, key);
  });
}
