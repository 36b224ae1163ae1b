/** The entry of that name, made if it is not there. Only the `most` that were asked for last stay; the oldest comes first. */
export function lastFew<T>(entries: Map<string, T>, most: number, name: string, make: () => T): T {
  const entry = entries.get(name) ?? make();
  entries.delete(name);
  entries.set(name, entry);
  for (const oldest of entries.keys()) {
    if (entries.size <= most) break;
    entries.delete(oldest);
  }
  return entry;
}
