// Makes the app's icons of public/icon.svg: node e2e/setup/makeIcons.mjs
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { chromium } from "@playwright/test";
import { findChromium } from "./findChromium.mjs";

/**
 * A maskable icon may be cut to a circle of 80 % of its width: its ground goes to the edges, and the picture is smaller.
 * (W3C Web Application Manifest, "Icon masks and safe zone".) iOS cuts corners itself and shows transparency as black.
 */
const icons = [
  { name: "icon-192.png", size: 192, isFilled: false },
  { name: "icon-512.png", size: 512, isFilled: false },
  { name: "icon-maskable-192.png", size: 192, isFilled: true },
  { name: "icon-maskable-512.png", size: 512, isFilled: true },
  { name: "apple-touch-icon.png", size: 180, isFilled: true },
];

const found = findChromium();
if (!found) throw new Error("No Chromium was found.");
const folder = new URL("../../public/", import.meta.url);
const svg = await readFile(new URL("icon.svg", folder), "utf8");
const image = `data:image/svg+xml;base64,${Buffer.from(svg).toString("base64")}`;
const browser = await chromium.launch({
  executablePath: found.path,
  args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
});
const page = await browser.newPage();
for (const { name, size, isFilled } of icons) {
  await page.setViewportSize({ width: size, height: size });
  const width = isFilled ? "80%" : "100%";
  await page.setContent(
    `<style>body{margin:0;height:100vh;display:grid;place-items:center;background:${isFilled ? "#0f6b5c" : "none"}}</style>
    <img src="${image}" style="width:${width}">`,
  );
  await page.waitForFunction("document.images[0].complete");
  await writeFile(fileURLToPath(new URL(name, folder)), await page.screenshot({ omitBackground: true }));
}
await browser.close();
