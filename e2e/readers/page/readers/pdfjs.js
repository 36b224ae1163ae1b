import { GlobalWorkerOptions, getDocument } from "pdfjs-dist";
import workerSrc from "pdfjs-dist/build/pdf.worker.mjs?url";

GlobalWorkerOptions.workerSrc = workerSrc;

export async function read(url) {
  // By ranges alone: else it takes the whole file besides.
  const document = await getDocument({ url, disableStream: true, disableAutoFetch: true }).promise;
  // Not by getTextContent, which goes through a stream by `for await`: WebKit has no such streams.
  const texts = (await document.getPage(70)).streamTextContent().getReader();
  const { value } = await texts.read();
  return [document.numPages, value.items.map(({ str }) => str).join("")];
}
