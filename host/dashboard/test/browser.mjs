// Chromium, and what every page must keep.

import assert from 'node:assert/strict';

import { chromium } from 'playwright-core';

const QUIET = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];

/** A browser with a new, empty profile. */
export function launch() {
  return chromium.launch({ executablePath: process.env.RULEBOUND_CHROMIUM ?? '/usr/bin/chromium', headless: true, args: QUIET });
}

/** Opens a page. `faults` has every error of the console, exception, dialog and violation of the policy. */
export async function open(browser, url, { width = 1280, scheme = 'light' } = {}) {
  const page = await browser.newPage({ viewport: { width, height: 800 }, colorScheme: scheme, timezoneId: 'Asia/Tokyo' });
  page.setDefaultTimeout(20_000);
  const faults = [];
  page.on('console', (it) => ['error', 'warning'].includes(it.type()) && faults.push(it.text()));
  page.on('pageerror', (it) => faults.push(it.message));
  page.on('dialog', (it) => { faults.push(`dialog: ${it.message()}`); it.dismiss(); });
  await page.exposeFunction('reportViolation', (text) => faults.push(text));
  await page.addInitScript(() => document.addEventListener('securitypolicyviolation', (it) => window.reportViolation(`policy: ${it.violatedDirective}`)));
  await page.goto(url);
  await page.waitForSelector('main h1, #trouble p');
  return { page, faults };
}

/** Turns to another view by the address, and waits for it. */
export async function turn(page, hash) {
  await page.evaluate((it) => { document.querySelector('main').replaceChildren(); location.hash = it; }, hash);
  await page.waitForSelector('main h1');
}

/** Reads the view again now, as the page does every few seconds. */
export async function refresh(page) {
  const read = page.waitForResponse((it) => /api\/(row|lists|search)/.test(it.url()));
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
  await read;
  await page.waitForTimeout(50);
}

/** Texts whose contrast with what is behind them is below AA: 4.5, or 3 if they are large. */
export function faint(page) {
  return page.evaluate(() => {
    const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const rgba = (color) => {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = color;
      canvas.fillRect(0, 0, 1, 1);
      return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const light = (color) => {
      const [r, g, b] = color.slice(0, 3).map((it) => it / 255).map((it) => (it <= 0.04045 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (element) => {
      for (let it = element; it; it = it.parentElement) {
        const color = rgba(getComputedStyle(it).backgroundColor);
        if (color[3] === 255) return color;
      }
      return [255, 255, 255, 255];
    };
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = [];
    while (walker.nextNode()) {
      const element = walker.currentNode.parentElement;
      if (!walker.currentNode.data.trim() || !element.checkVisibility() || element.closest('.unseen')) continue;
      const style = getComputedStyle(element);
      const [a, b] = [light(rgba(style.color)), light(behind(element))].sort((x, y) => y - x);
      const needed = parseFloat(style.fontSize) >= 18.66 && Number(style.fontWeight) >= 600 ? 3 : 4.5;
      if ((a + 0.05) / (b + 0.05) < needed) found.push(`${walker.currentNode.data.trim().slice(0, 30)}: ${((a + 0.05) / (b + 0.05)).toFixed(2)}`);
    }
    return found;
  });
}

/** Presses Tab until something that fits has the focus. */
export async function tabTo(page, fits) {
  for (let count = 0; count < 120; count += 1) {
    await page.keyboard.press('Tab');
    const focused = await page.evaluate(() => {
      const { id, textContent, tagName, type, value } = document.activeElement;
      return { id, text: textContent, tag: tagName, type, value, outline: getComputedStyle(document.activeElement).outlineStyle };
    });
    if (fits(focused)) return focused;
  }
  return assert.fail('nothing that fits has the focus after 120 presses of Tab');
}
