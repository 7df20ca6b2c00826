#!/usr/bin/env node
// A visitor in a real browser: Chromium without a window, with a profile of its
// own. The page is that of examples/haproxy/websocket, behind the edge.
//
//   node tests/clients/page.mjs --chromium /usr/bin/chromium --profile DIRECTORY \
//     --edge 127.0.0.1:40123 --site 127.0.0.1:40124 --nats 127.0.0.1:40125
//
// https://app.example.com is the edge, https://blog.example.com is too, in the
// role of a neighbour's, and http://evil.example is the site itself, in the role
// of a stranger's: names are what origins, cookies and "same site" go by. Prints what happened, a line of JSON for each step.

import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';

const { values: options } = parseArgs({
  options: {
    chromium: { type: 'string' },
    profile: { type: 'string' },
    edge: { type: 'string' },
    site: { type: 'string' },
    nats: { type: 'string' },
  },
});
const APP = 'https://app.example.com';
const SIBLING = 'https://blog.example.com';
const EVIL = 'http://evil.example';

const say = (step, told) => console.log(JSON.stringify({ step, ...told }));

// Not one of playwright's contexts: those are private windows, which have other
// rules for cookies than most people's.
const browser = await chromium.launchPersistentContext(options.profile, {
  executablePath: options.chromium,
  ignoreHTTPSErrors: true,
  args: [
    '--no-sandbox', // there is none for root, and no page here is a stranger's
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--no-proxy-server',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--ignore-certificate-errors',
    `--host-resolver-rules=MAP *.example.com:443 ${options.edge}, MAP evil.example:80 ${options.site}`,
  ],
});
try {
  // What a browser says of a page goes where logs go.
  browser.on('console', (message) => console.error(message.text()));
  browser.on('weberror', (error) => console.error(error.error()));
  const page = await browser.newPage();
  const state = async () => {
    await page.waitForFunction(() => document.querySelector('#state').textContent !== 'connecting');
    return page.textContent('#state');
  };
  const post = (path) => page.evaluate(async (to) => (await fetch(to, { method: 'POST' })).status, path);

  await page.goto(APP);
  say('nobody', { state: await state() });

  await post('/login?as=nobody');
  await page.reload();
  say('no-role', { state: await state() });

  await post('/login?as=clerk');
  await page.reload();
  say('clerk', { state: await state(), readable: await page.evaluate(() => document.cookie) });

  const publish = async (subject) => {
    const before = await page.locator('#log li').count();
    await page.fill('[name=subject]', subject);
    await page.click('button');
    const line = page.locator('#log li').nth(before);
    await line.waitFor();
    return line.textContent();
  };
  say('allowed', { line: await publish('orders.acme.created') });
  say('refused', { line: await publish('orders.globex.created') });

  // What a script of this page gets from a WebSocket: the first message, or nothing.
  const attempt = (where, url) => where.evaluate((to) => new Promise((resolve) => {
    const socket = new WebSocket(to);
    socket.binaryType = 'arraybuffer';
    let opened = false;
    socket.onopen = () => { opened = true; };
    socket.onmessage = ({ data }) => {
      resolve({ opened, heard: new TextDecoder().decode(data).slice(0, 4) });
      socket.close();
    };
    socket.onclose = () => resolve({ opened, heard: null });
  }), url);
  const door = APP.replace('https', 'wss') + '/nats';
  say('own', await attempt(page, door));

  const evil = await browser.newPage();
  await evil.goto(`${EVIL}/blank`);
  say('foreign', await attempt(evil, door));

  // A page of another host of the same site has another origin, but the browser sends the cookie
  // along for it, `SameSite=Strict` or not.
  const sibling = await browser.newPage();
  await sibling.goto(`${SIBLING}/blank`);
  say('sibling', await attempt(sibling, door));
  say('own-again', await attempt(page, door));

  // Around the edge, with a cookie that the server reads: cookies know no ports, so a page of the
  // server's own host sends it.
  await evil.goto(`http://${options.site}/blank`);
  await evil.evaluate(() => fetch('/direct?as=clerk', { method: 'POST' }));
  say('foreign-direct', await attempt(evil, `ws://${options.nats}`));
} finally {
  await browser.close();
}
