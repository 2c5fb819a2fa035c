// Tries a channel on the server's own page: sends a frame to the URL that ends in this, and prints what
// the page shows, until its input ends.

import { browse } from './browse.mjs';

const [home, url, frame] = process.argv.slice(2);
const page = await browse(home);
const index = await page.$$eval(
  'form',
  (forms, url) => forms.findIndex((form) => form.elements.url.value.endsWith(url)),
  url,
);
if (index < 0) throw new Error(`the page has no URL that ends in ${url}`);
const form = page.locator('form').nth(index);
await form.locator('pre').evaluate((log) => {
  let shown = 0;
  new MutationObserver(() => {
    const lines = log.textContent.split('\n');
    lines.slice(shown).forEach((line) => print(line));
    shown = lines.length;
  }).observe(log, { childList: true });
});
await form.evaluate((form, frame) => {
  form.closest('details')?.setAttribute('open', '');
  form.elements.frame.value = frame;
}, frame);
await form.locator('[name=send]').click();
for await (const _ of process.stdin);
await page.context().browser().close();
