/** Puts all of a stream into `whole`, from its start on. @throws what the stream errors with; RangeError for more than there is room */
export async function fill<T extends Uint8Array>(whole: T, stream: ReadableStream<Uint8Array>): Promise<T> {
  // Safari cannot iterate over a stream.
  const reader = stream.getReader();
  let filled = 0;
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    whole.set(read.value, filled);
    filled += read.value.length;
  }
  return whole;
}
