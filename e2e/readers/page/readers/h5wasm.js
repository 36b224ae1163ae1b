export function read(url) {
  const worker = new Worker(new URL("../h5wasmWorker.js", import.meta.url), { type: "module" });
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(message));
    worker.postMessage(url);
  }).finally(() => worker.terminate());
}
