import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "./testing/demoGrid.ts";
import { openApp } from "./testing/inPage.ts";

const PAGE = `<!doctype html><title>quiet</title><script>document.title = "loud"</script>
<img src="picture.png"><link rel="stylesheet" href="style.css"><iframe src="frame.html"></iframe>
<meta http-equiv="refresh" content="1;url=/elsewhere">${"<p>text</p>".repeat(20)}`;

const DRAWING = `<svg xmlns="http://www.w3.org/2000/svg"><title>quiet</title>
<script>document.documentElement.setAttribute("data-loud", "")</script>
<image href="picture.png"/></svg>${" ".repeat(60)}`;

for (const [name, text] of [
  ["page.html", PAGE],
  ["drawing.svg", DRAWING],
] as const) {
  test(`a ${name} from the grid runs no script, has no origin, and asks for nothing`, async ({ page, demo }) => {
    const path = join(demo.folder, name);
    await writeFile(path, text);
    const cap = await demo.put(path);
    await openApp(page);
    const fetched: string[] = [];
    page.on("requestfinished", (request) => fetched.push(new URL(request.url()).pathname.split("/").at(-1) ?? ""));
    await page.goto(`/file/${encodeURIComponent(cap)}/@@named=/${name}`);
    await page.waitForTimeout(2_000);
    expect(await page.title()).toBe("quiet");
    expect(await page.evaluate(() => [origin, document.documentElement.dataset.loud])).toEqual(["null", undefined]);
    expect(new URL(page.url()).pathname).toContain(name);
    expect(fetched.filter((file) => /picture|style|frame/.test(file))).toEqual([]);
  });
}
