// Drives one headless Chromium page for the tests: one JSON command per line in, one JSON answer per line out.
//   {"do": "open", "url": ...} {"do": "eval", "js": ...} {"do": "click", "selector": ...}
//   {"do": "screenshot", "path": ..., "selector": ...} {"do": "viewport", "width": ..., "height": ...} {"do": "close"}
import { createInterface } from "node:readline";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import puppeteer from "puppeteer-core";

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-dev-shm-usage",
  "--autoplay-policy=no-user-gesture-required",
  "--allow-loopback-in-peer-connection",
  "--disable-features=WebRtcHideLocalIpsWithMdns",
];

const profile = mkdtempSync(join(tmpdir(), "lkedge-chromium-"));
const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  userDataDir: profile,
  headless: true,
  pipe: true, // Chromium ends with this process, however that ends
  args: FLAGS,
  defaultViewport: { width: 1400, height: 860 },
});
const page = await browser.newPage();
const problems = [];
const withoutTokens = (words) => words.replace(/access_token=[^&'" ]+/g, "access_token=...");
page.on("console", (message) => { if (message.type() === "error") problems.push(withoutTokens(message.text())); });
page.on("pageerror", (error) => problems.push(String(error)));

const commands = {
  open: ({ url }) => page.goto(url, { waitUntil: "load" }).then(() => null),
  eval: ({ js }) => page.evaluate(js),
  click: ({ selector }) => page.click(selector).then(() => null),
  viewport: ({ width, height }) => page.setViewport({ width, height }).then(() => null),
  problems: async () => problems.splice(0),
  screenshot: async ({ path, selector }) => {
    const target = selector ? await page.$(selector) : page;
    await target.screenshot({ path });
    return null;
  },
};

const answer = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
answer({ ok: await browser.version() });

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  if (command.do === "close") break;
  try {
    answer({ ok: (await commands[command.do](command)) ?? null });
  } catch (error) {
    answer({ error: String(error) });
  }
}
await browser.close();
rmSync(profile, { recursive: true, force: true });
process.exit(0);
