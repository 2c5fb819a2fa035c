// A headless browser that shows one page, whose scripts may `print` a line.

import { chromium } from 'playwright-core';

export async function browse(url) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    // Containers have neither namespaces for a sandbox nor a GPU; and nothing but the page is wanted.
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
  const page = await browser.newPage();
  await page.exposeFunction('print', (line) => console.log(line));
  // Pages never learn why a WebSocket did not open; the browser's own console does.
  page.on('websocket', (socket) => socket.on('socketerror', (error) => console.log(`refused ${error}`)));
  await page.goto(url);
  return page;
}
