#!/usr/bin/env node
// A probe that speaks NATS with the official npm client, for the integration
// tests: the same options, events and exit statuses as nats-py-client.py, whose
// head documents them.
//
//   NATS_TOKEN=... node tests/clients/nats-js-client.mjs \
//     --url nats://127.0.0.1:4222 --subscribe 'orders.acme.>' \
//     --publish orders.acme.created=hello --expect 1

import { webcrypto } from 'node:crypto';
import { parseArgs } from 'node:util';

// Node 18 has it, but not as a global.
globalThis.crypto ??= webcrypto;
const { connect, errors } = await import('@nats-io/transport-node');

const REFUSED = 2;
const FAILED = 1;

const say = (event, details = {}) => console.log(JSON.stringify({ event, ...details }));

const { values: options } = parseArgs({
  options: {
    url: { type: 'string' },
    as: { type: 'string', default: 'token' },
    user: { type: 'string', default: 'probe' },
    subscribe: { type: 'string', multiple: true, default: [] },
    publish: { type: 'string', multiple: true, default: [] },
    request: { type: 'string', multiple: true, default: [] },
    'inbox-prefix': { type: 'string', default: '_INBOX' },
    expect: { type: 'string', default: '0' },
    hold: { type: 'boolean', default: false },
    timeout: { type: 'string', default: '10' },
  },
});
if (!options.url) throw new TypeError('--url is missing');
const expected = Number(options.expect);
const timeout = Number(options.timeout) * 1000;

const token = process.env.NATS_TOKEN ?? '';
const credential = {
  token: { token },
  password: { user: options.user, pass: token },
  none: {},
}[options.as];
if (!credential) throw new TypeError(`--as is token, password or none, not ${options.as}`);

const assignment = (text) => {
  const at = text.indexOf('=');
  if (at < 0) throw new TypeError(`SUBJECT=PAYLOAD is expected, not '${text}'`);
  return [text.slice(0, at), text.slice(at + 1)];
};

// Ends the process, however many promises are still waiting.
const finish = (status) => process.exit(status);

// An error of the authorization, wherever the client has wrapped it.
const isRefusal = (error) =>
  error instanceof errors.AuthorizationError || error?.cause instanceof errors.AuthorizationError;

// Errors reach status() before the PONG that follows them resolves flush(), but
// an iterator hands them on a few promises later: one turn of the event loop
// lets every promise that can settle do so.
const turn = () => new Promise((resolve) => setImmediate(resolve));
const flush = async (nc) => {
  await nc.flush();
  await turn();
};

setTimeout(() => {
  say('failed', { error: 'timeout' });
  finish(FAILED);
}, timeout).unref();

try {
  const nc = await connect({
    servers: options.url,
    ...credential,
    reconnect: false,
    maxReconnectAttempts: 0,
    // The server may take two seconds over its callout.
    timeout: 5000,
    inboxPrefix: options['inbox-prefix'],
  });
  const closed = nc.closed();
  say('connected');

  let lastError;
  (async () => {
    for await (const status of nc.status()) {
      if (status.type !== 'error') continue;
      if (status.error instanceof errors.PermissionViolationError) {
        const { operation, subject } = status.error;
        say('permission_violation', {
          operation: operation === 'publish' ? 'publish' : 'subscribe',
          subject,
        });
      } else {
        lastError = status.error;
      }
    }
  })();

  let received = 0;
  const enough = new Promise((resolve) => {
    for (const subject of options.subscribe) {
      nc.subscribe(subject, {
        callback: (error, message) => {
          // A subscription that is not permitted ends here too; status() says so.
          if (error) return;
          say('message', { subject: message.subject, data: message.string() });
          received += 1;
          if (received >= expected) resolve('enough');
        },
      });
    }
  });
  await flush(nc);
  say('ready');

  for (const [subject, payload] of options.publish.map(assignment)) nc.publish(subject, payload);
  await flush(nc);

  for (const [subject, payload] of options.request.map(assignment)) {
    const reply = await nc.request(subject, payload, { timeout });
    say('reply', { subject, data: reply.string() });
  }

  if (expected > 0) {
    const first = await Promise.race([enough, closed]);
    if (first !== 'enough') throw first ?? lastError ?? new Error('disconnected');
  }
  if (options.hold) {
    const error = await closed;
    say('disconnected', { error: String((error ?? lastError)?.message ?? '') });
  }
  await nc.close();
  say('done');
  finish(0);
} catch (error) {
  await turn(); // an event of the same cause is told first
  if (isRefusal(error)) {
    say('refused', { error: error.message });
    finish(REFUSED);
  }
  say('failed', { error: String(error?.message || error) });
  finish(FAILED);
}
