/** Chromium's event before it offers to install a page; not in TypeScript's own declarations. */
interface InstallPrompt extends Event {
  prompt(): Promise<unknown>;
}

/** Shows the button while the browser would install the app. Others have it in their menus. */
export function offerInstalling(button: HTMLButtonElement): void {
  let prompt: InstallPrompt | undefined;
  addEventListener("beforeinstallprompt", (event) => {
    event.preventDefault();
    prompt = event as InstallPrompt;
    button.hidden = false;
  });
  addEventListener("appinstalled", () => {
    button.hidden = true;
  });
  button.addEventListener("click", () => {
    void prompt?.prompt();
    button.hidden = true;
  });
}

/** Tells when a newer worker has taken over: the next load brings the app that came with it. */
export function offerUpdate(banner: HTMLElement): void {
  let present = navigator.serviceWorker.controller;
  navigator.serviceWorker.addEventListener("controllerchange", () => {
    const isFirst = present === null;
    present = navigator.serviceWorker.controller;
    if (!isFirst) banner.hidden = false;
  });
  banner.querySelector("button")?.addEventListener("click", () => location.reload());
}
