import { createGridHandler } from "../worker/createGridHandler.ts";
import { files, version } from "./builtFiles.ts";
import { isShare, receiveShare } from "./receiveShare.ts";
import { Shell } from "./Shell.ts";

/** The app's Service Worker: it answers for grid URLs as the ready-made one does, and with the app's own files. */
declare const self: ServiceWorkerGlobalScope;

const root = new URL(self.registration.scope);
// The app lists directories by them.
const handler = createGridHandler({ takesOver: true, tahoeForms: true, timing: true });
const shell = new Shell({ root, files, version });

self.addEventListener("install", (event) => event.waitUntil(shell.install(self.registration.active !== null)));
self.addEventListener("activate", (event) => event.waitUntil(shell.removeOlder().catch(() => undefined)));

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (handler.match(request)) event.respondWith(handler.handle(event));
  else if (isShare(request, root)) event.respondWith(receiveShare(request, root));
  else if (shell.match(request)) event.respondWith(shell.answer(request));
});
