import type { Page } from "puppeteer-core";

/** What is wrong with the worker's cache, as it is on disk. Of files whose ciphertext is zeroes. */
export async function faultsOfCache(tab: Page): Promise<string[]> {
  return (await lookAtCache(tab)).faults;
}

/** How many bytes of segments are on disk. */
export async function segmentsOnDisk(tab: Page): Promise<number> {
  return (await lookAtCache(tab)).segmentBytes;
}

function lookAtCache(tab: Page): Promise<{ faults: string[]; segmentBytes: number }> {
  return tab.evaluate(async () => {
    const done = <T>(request: IDBRequest<T>) =>
      new Promise<T>((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
      });
    const database = await done(indexedDB.open("gridfetch-cache"));
    const faults: string[] = [];
    let segmentBytes = 0;
    for (const [bytes, uses] of [
      ["facts", "factUses"],
      ["segments", "segmentUses"],
    ] as const) {
      const transaction = database.transaction([bytes, uses]);
      const [keys, values, useKeys, useValues] = await Promise.all([
        done(transaction.objectStore(bytes).getAllKeys()),
        done(transaction.objectStore(bytes).getAll()),
        done(transaction.objectStore(uses).getAllKeys()),
        done(transaction.objectStore(uses).getAll()),
      ]);
      if (keys.length === 0) faults.push(`nothing in ${bytes}`);
      if (String(keys) !== String(useKeys)) faults.push(`${bytes} has other keys than ${uses}`);
      for (const [i, value] of values.entries()) {
        if (bytes === "segments") segmentBytes += value.length;
        if (useValues[i]?.size !== value.length + 256) faults.push(`${keys[i]} counts for ${useValues[i]?.size}`);
        if (bytes === "segments" && value.some((byte: number) => byte !== 0)) faults.push(`${keys[i]} is wrong`);
      }
    }
    database.close();
    return { faults, segmentBytes };
  });
}
