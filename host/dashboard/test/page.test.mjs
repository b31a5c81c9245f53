// The dashboard's page in Chromium.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { join } from 'node:path';

import { faint, launch, open, refresh, tabTo, turn } from './browser.mjs';
import { HOSTILE, LONG, RTL, keyOf, question, shop } from './scenes.mjs';
import { serve } from './server.mjs';

const FOLDER = join(process.env.RULEBOUND_ROOT, 'host/dashboard');
const address = (flow, key) => `#/row?${new URLSearchParams({ flow, key })}`;
const QUESTION = address('flex.checkout', keyOf(2));
const LIFE = address('truemed.payment_token', keyOf(1));
const REFUND = address('flex.checkout', keyOf(4));
const VIEWS = ['#/due', '#/waiting', '#/failing', '#/reviews', '#/inbox', '#/recent', '#/refused', REFUND, '#/search?q=order-1', LIFE, QUESTION,
  ...[3, 10, 11, 12, 14].map((it) => address('truemed.payment_token', keyOf(it)))];

let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

/** A test with its own shop and page. What the page must keep is checked at its end. */
function scene(name, options, body) {
  test(name, async () => {
    const server = await serve(shop(), FOLDER);
    if (options.access) server.access = () => options.access;
    const { page, faults } = await open(browser, server.url + (options.at ?? ''), options);
    try {
      await body({ page, server, host: server.host, text: () => page.locator('body').innerText() });
      assert.deepEqual(faults.filter((it) => !options.expected?.test(it)), []);
    } finally {
      await page.close();
      await server.close();
    }
  });
}

const posts = (server) => server.requests.filter((it) => it.method === 'POST');

for (const [width, scheme] of [[360, 'light'], [360, 'dark'], [1280, 'dark']]) {
  scene(`every view fits ${width} px and can be read in the ${scheme} scheme`, { width, scheme }, async ({ page }) => {
    for (const view of VIEWS) {
      await turn(page, view);
      await page.evaluate(() => document.querySelectorAll('details').forEach((it) => { it.open = true; }));
      const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      assert.ok(content <= window, `${view} is ${content} px wide`);
      assert.deepEqual(await faint(page), [], view);
    }
  });
}

scene('50 rows are shown, then the others, and a refresh keeps them', { at: '#/waiting' }, async ({ page }) => {
  const rows = page.locator('.rows > li');
  assert.equal(await rows.count(), 50);
  await page.getByRole('button', { name: 'Show more' }).click();
  await page.waitForFunction(() => document.querySelectorAll('.rows > li').length > 50);
  const count = await rows.count();
  await refresh(page);
  assert.equal(await rows.count(), count);
  assert.equal(await page.getByRole('button', { name: 'Show more' }).count(), 0);
});

scene('a hostile name is a text, wherever it comes from', { at: '#/recent' }, async ({ page }) => {
  await page.getByRole('button', { name: 'Show more' }).click();
  await page.waitForFunction(() => document.querySelectorAll('.rows > li').length > 50);
  for (const name of [HOSTILE, RTL, LONG]) {
    const shown = page.locator('.rows').getByText(name, { exact: true }).first();
    assert.equal(await shown.evaluate((it) => it.tagName), 'BDI', name);
  }
  for (const view of ['#/inbox', '#/failing', `#/search?${new URLSearchParams({ q: HOSTILE })}`, address('truemed.payment_token', keyOf(10))]) {
    await turn(page, view);
    assert.match(await page.locator('main').innerText(), /<script>alert\(1\)/);
    assert.equal(await page.locator('img, main script, [onload], [onerror]').count(), 0);
  }
});

scene('a person answers a question with the keyboard alone', {}, async ({ page, server, host }) => {
  const skip = await tabTo(page, (it) => it.id === 'skip');
  assert.notEqual(skip.outline, 'none');
  const tab = await tabTo(page, (it) => it.text === 'Reviews');
  assert.notEqual(tab.outline, 'none');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.querySelector('h1')?.textContent === 'Reviews');
  await tabTo(page, (it) => it.text.startsWith('order-1042'));
  await page.keyboard.press('Enter');
  await page.waitForSelector('.review');
  await page.waitForFunction(() => document.activeElement.tagName === 'H1');
  await tabTo(page, (it) => it.type === 'radio');
  await page.keyboard.press('Space');
  await page.keyboard.press('Enter');
  assert.match(await page.locator('.problem').innerText(), /needs an id/);
  assert.equal(posts(server).length, 0);
  await page.keyboard.type('fcs_2');
  await page.keyboard.press('Enter');
  await page.waitForSelector('dialog[open]');
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Go back');
  assert.equal(posts(server).length, 0, 'nothing is sent before the confirmation');
  await tabTo(page, (it) => it.id === 'confirm');
  await page.keyboard.press('Enter');
  await page.waitForSelector('#notice p');
  await page.waitForFunction(() => !document.querySelector('.review'));
  const [post] = posts(server);
  assert.deepEqual(JSON.parse(post.body), { flow: 'flex.checkout', key: keyOf(2), review: 'review:create_ambiguous:create_checkout_session:1', verdict: 'created', id: 'fcs_2' });
  assert.equal(post.headers['content-type'], 'application/json');
  assert.equal(post.headers['x-rulebound'], '1');
  assert.equal(post.headers['sec-fetch-site'], 'same-origin');
  assert.ok(host.find('flex.checkout', keyOf(2)).snapshot.ids().some((it) => it.id === 'fcs_2'));
  await page.waitForFunction(() => document.activeElement.tagName === 'H1');
});

scene('what a person types stays while the row changes, and what is focused stays focused', { at: QUESTION }, async ({ page, host }) => {
  await page.getByText('I found the session').click();
  await page.locator('.field input:visible').fill('fcs_half');
  host.handle({ flow: 'flex.checkout', key: keyOf(2), command: { type: 'close_dispute', dispute_id: 'fdp_1' }, actor: 'user:1' });
  host.find('flex.checkout', keyOf(2)).reference = 'order-renamed';
  await refresh(page);
  assert.equal(await page.locator('h1').innerText(), 'order-renamed');
  assert.match(await page.locator('.timeline').innerText(), /Rejected/);
  const typed = page.locator('.field input:visible');
  assert.equal(await typed.inputValue(), 'fcs_half');
  assert.equal(await typed.evaluate((it) => it === document.activeElement), true);
  await page.locator('#retry').focus();
  host.find('flex.checkout', keyOf(2)).reference = 'order-again';
  await refresh(page);
  assert.equal(await page.evaluate(() => document.activeElement.id), 'retry');
});

scene('an answer that comes too late is said in the dialog, and nothing is lost', { at: QUESTION, expected: /409/ }, async ({ page, host, server }) => {
  await page.getByText('Flex did not create it').click();
  await page.getByRole('button', { name: 'Answer…' }).click();
  host.answer({ flow: 'flex.checkout', key: keyOf(2), review: 'review:create_ambiguous:create_checkout_session:1', verdict: 'not_created' });
  await page.getByRole('button', { name: 'Send this answer' }).click();
  await page.waitForFunction(() => /not open any more/.test(document.querySelector('dialog .problem').textContent));
  await page.getByRole('button', { name: 'Go back' }).click();
  await page.waitForSelector('dialog', { state: 'detached' });
  assert.equal(posts(server).length, 1);
});

scene('retry now wakes the row', { at: address('truemed.payment_token', keyOf(14)) }, async ({ page, host, server }) => {
  await page.getByRole('button', { name: 'Retry now' }).click();
  await page.waitForSelector('#notice p');
  assert.deepEqual(JSON.parse(posts(server)[0].body), { flow: 'truemed.payment_token', key: keyOf(14) });
  assert.equal(host.find('truemed.payment_token', keyOf(14)).tries, 0);
});

scene('a row that is held says so when it is retried', { at: QUESTION }, async ({ page, text }) => {
  await page.getByRole('button', { name: 'Retry now' }).click();
  await page.waitForSelector('#notice p');
  assert.match(await text(), /but can do nothing\. (What is pending is held back|It waits for the answer to a question)/);
});

scene('the journal says who answered, and what', { at: QUESTION }, async ({ page, host }) => {
  host.answer({ flow: 'flex.checkout', key: keyOf(2), review: 'review:create_ambiguous:create_checkout_session:1', verdict: 'not_created' }, 'ada');
  await refresh(page);
  assert.match(await page.locator('.timeline').innerText(), /ada answered review:create_ambiguous:create_checkout_session:1: Not created/);
});

scene('what was refused is listed with who, what and why, and leads to its row', { at: '#/refused' }, async ({ page }) => {
  const rows = page.locator('.rows > li');
  const [refused, rejected] = [await rows.nth(0).innerText(), await rows.nth(1).innerText()];
  for (const words of ['order-1099', 'Flex checkout', 'Reply 400', 'Refused', 'price_not_found']) assert.ok(refused.includes(words), `${words}: ${refused}`);
  for (const words of [keyOf(6), 'by user:44', 'Rejected: ', 'truemed.provision.no-charge-before-webhook']) assert.ok(rejected.includes(words), `${words}: ${rejected}`);
  assert.equal(await rows.nth(1).locator('a.main').count(), 0, 'it has no row');
  await rows.nth(0).locator('a.main').click();
  await page.waitForFunction(() => document.querySelector('h1')?.textContent === 'order-1099');
});

scene('the journal has the amount of a refund, when it succeeds, and who retried', { at: REFUND }, async ({ page }) => {
  const lines = await page.locator('.timeline > .line').allInnerTexts();
  const at = (words) => lines.findIndex((it) => it.includes(words));
  const order = ['vitamin-gone: 10.00, requested', 'vitamin-gone: 10.00, done', 'fref_1 for vitamin-gone: 10.00, succeeded', 'ada retried'].map(at);
  assert.ok(order.every((it) => it >= 0), lines.join('\n'));
  assert.deepEqual(order, [...order].sort((a, b) => b - a), 'the newest is first');
});

scene('the payment is shown with its amounts', { at: LIFE }, async ({ page }) => {
  const card = page.locator('section', { has: page.getByRole('heading', { name: 'Payment', exact: true }) });
  assert.match(await card.innerText(), /2026-12: 15\.00, done/);
  assert.doesNotMatch(await page.locator('main').innerText(), /minor units/);
});

scene('a pause that is over is not shown', {}, async ({ page, host }) => {
  assert.equal(await page.locator('#pauses p').count(), 1);
  host.pauses[0].until = host.now - 1000;
  await turn(page, '#/waiting');
  await page.waitForFunction(() => document.querySelectorAll('#pauses p').length === 0);
});

scene('who can only read has no buttons', { at: QUESTION, access: 'read_only' }, async ({ page, text }) => {
  assert.equal(await page.locator('main button, main input, main form').count(), 0);
  assert.match(await text(), /read only/);
  assert.match(await text(), /I found the session/);
});

scene('who has no access is told so, and sees nothing', { at: QUESTION, expected: /403/ }, async ({ page, server, text }) => {
  server.access = () => 'forbidden';
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
  await page.waitForSelector('#trouble p');
  assert.match(await text(), /You have no access/);
  assert.equal((await text()).includes('order-1042'), false);
});

scene('a server that is away is said once, what is shown stays, and the page recovers', { at: QUESTION, expected: /ERR_|Failed to load/ }, async ({ page, server, text }) => {
  await page.getByText('I found the session').click();
  await page.locator('.field input:visible').fill('fcs_half');
  await server.close();
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
  await page.waitForSelector('#trouble p');
  assert.match(await text(), /cannot be reached/);
  assert.equal(await page.locator('.field input:visible').inputValue(), 'fcs_half');
  await server.again();
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
  await page.waitForFunction(() => !document.querySelector('#trouble p'));
  assert.equal(await page.locator('.field input:visible').inputValue(), 'fcs_half');
});

scene('a life is told in words, with the reasons, the rules and the providers’ pages', { at: LIFE }, async ({ page, text }) => {
  const shown = await text();
  for (const words of ['Token: issued.', 'Waiting for', 'UpdatePaymentMethod', 'Rejected: Update payment token', 'truemed.update.card-xor-items', 'CardExpired']) {
    assert.ok(shown.includes(words), words);
  }
  assert.deepEqual(await page.locator('.states [aria-current]').allInnerTexts().then((all) => all.map((it) => it.split('\n')[0].replace(' (now)', ''))), ['Issued', 'Settled', 'Pending', 'Idle']);
  await page.locator('summary').first().click();
  assert.match(await page.locator('details[open]').innerText(), /A flow can be started only once/);
  const link = page.locator('.timeline .rule a').first();
  assert.match(await link.getAttribute('href'), /^https:\/\/developers\.truemed\.com\//);
  assert.equal(await link.getAttribute('rel'), 'noopener noreferrer');
  assert.equal(shown.includes('https://truemed.example'), false, 'a customer’s page is not shown');
  const time = page.locator('.timeline time').first();
  const [utc, local] = [await time.getAttribute('title'), await time.innerText()];
  assert.match(utc, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$/);
  assert.equal((Number(utc.slice(11, 13)) + 9) % 24, Number(/ (\d\d):/.exec(local)[1]), 'Tokyo is nine hours ahead');
});

scene('a search finds by reference, key and id, and has an address', {}, async ({ page }) => {
  for (const q of ['order-1017', keyOf(1), 'ps_1b']) {
    await page.locator('#q').fill(q);
    await page.keyboard.press('Enter');
    await page.waitForFunction((it) => document.querySelector('main .head')?.textContent.includes(it), q);
    assert.deepEqual(await page.locator('.rows .title').allInnerTexts(), ['order-1017']);
  }
  await page.reload();
  await page.waitForSelector('.rows .title');
  assert.equal(await page.locator('#q').inputValue(), 'ps_1b');
});

scene('a new question is listed and counted', { at: QUESTION }, async ({ page, host }) => {
  question(host, 5, 'order-5');
  await turn(page, '#/reviews');
  assert.ok((await page.locator('.rows .title').allInnerTexts()).includes('order-5'));
  assert.equal(await page.locator('.gauge', { hasText: 'Open reviews' }).locator('.value').innerText(), String(await page.locator('.rows > li').count()));
});

scene('a journal of more than 200 lines is shown in parts, and a refresh keeps them', { at: QUESTION }, async ({ page, host }) => {
  const forbidden = { flow: 'flex.checkout', key: keyOf(2), command: { type: 'close_dispute', dispute_id: 'fdp_1' } };
  for (let count = 0; count < 210; count += 1) host.handle(forbidden);
  await refresh(page);
  const lines = page.locator('.timeline > .line');
  await page.waitForFunction(() => document.querySelectorAll('.line').length === 200);
  await page.getByRole('button', { name: 'Older lines' }).click();
  await page.waitForFunction(() => document.querySelectorAll('.line').length > 200);
  const count = host.find('flex.checkout', keyOf(2)).journal.length;
  await refresh(page);
  assert.equal(await lines.count(), count);
  assert.equal(await page.getByRole('button', { name: 'Older lines' }).count(), 0);
});

scene('a row that cannot be loaded is said to be so, and its journal is shown', {}, async ({ page }) => {
  await page.route('**/api/row?*', async (route) => {
    const reply = await route.fetch();
    const value = { ...(await reply.json()), status: null, effects: [], waiting_for: [], actions: [], ids: [] };
    await route.fulfill({ response: reply, json: value });
  });
  await turn(page, LIFE);
  assert.deepEqual(await page.locator('main h2').allInnerTexts(), ['Journal']);
  assert.match(await page.locator('main .note').innerText(), /cannot be loaded/);
  assert.ok(await page.locator('.line').count() > 10);
});
