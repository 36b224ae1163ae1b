import { File, ready } from "h5wasm";

// Its lazy files are read by synchronous requests, which only a worker may make.
self.onmessage = async ({ data: url }) => {
  const { FS } = await ready;
  FS.createLazyFile("/", "grid.h5", url, true, false);
  const values = new File("/grid.h5", "r").get("values");
  self.postMessage([
    ...values.shape,
    ...values.slice([
      [567, 568],
      [123, 126],
    ]),
  ]);
};
