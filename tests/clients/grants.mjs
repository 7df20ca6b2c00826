#!/usr/bin/env node
// Does what grants are about with the npm clients, for the integration tests:
// the same operations and outcomes as grants.py, whose head documents them, as
// far as these clients have them.
//
//   NATS_TOKEN=... node tests/clients/grants.mjs --url nats://127.0.0.1:4222 \
//     --inbox _INBOX.alice 'kv.put prefs alice.theme dark' 'kv.get prefs bob.theme'

import { webcrypto } from 'node:crypto';
import { parseArgs } from 'node:util';

// Node 18 has it, but not as a global.
globalThis.crypto ??= webcrypto;
const { connect, errors } = await import('@nats-io/transport-node');
const { jetstream, jetstreamManager, AckPolicy, DeliverPolicy } = await import('@nats-io/jetstream');
const { Kvm } = await import('@nats-io/kv');
const { Objm } = await import('@nats-io/obj');

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    url: { type: 'string' },
    inbox: { type: 'string', default: '_INBOX' },
    domain: { type: 'string' },
    'api-prefix': { type: 'string' },
  },
});
if (!options.url) throw new TypeError('--url is missing');

const say = (operation, outcome, value) =>
  console.log(JSON.stringify({ operation, outcome, value }));

const nc = await connect({
  servers: options.url,
  token: process.env.NATS_TOKEN ?? '',
  reconnect: false,
  maxReconnectAttempts: 0,
  timeout: 5000,
  inboxPrefix: options.inbox,
});

// What the server does not permit is told here, whatever the operation makes of it.
let stopped = () => {};
(async () => {
  for await (const status of nc.status()) {
    if (status.error instanceof errors.PermissionViolationError) stopped(status.error);
  }
})();

// Without `checkAPI: false` these clients first ask `$JS.API.INFO`, which no grant has.
const place = { checkAPI: false, timeout: 5000, watcherPrefix: options.inbox };
if (options.domain) place.domain = options.domain;
if (options['api-prefix']) place.apiPrefix = options['api-prefix'];
const js = jetstream(nc, place);
const jsm = await jetstreamManager(nc, place);

// `allow_direct`: without it, gets are asked by a call that has no key in its subject.
const bucket = (name) => new Kvm(js).open(name, { allow_direct: true });
const store = (name) => new Objm(js).open(name);

const text = (bytes) => new TextDecoder().decode(bytes);

// What an operation waits for messages that do not come.
const QUIET = 500;

// The messages of an iterator, until none comes for a while.
const all = async (messages) => {
  const received = [];
  let timer = setTimeout(() => messages.stop(), 5000);
  for await (const message of messages) {
    clearTimeout(timer);
    received.push(message.string());
    timer = setTimeout(() => messages.stop(), QUIET);
  }
  clearTimeout(timer);
  return received.join(' ');
};

const fetched = async (consumer, count) => {
  const received = [];
  for await (const message of await consumer.fetch({ max_messages: count, expires: 1000 })) {
    await message.ackAck();
    received.push(message.string());
  }
  return received.join(' ');
};

const entries = async (watcher, count) => {
  const found = [];
  if (count === 0) return '';
  for await (const entry of watcher) {
    found.push(`${entry.key}=${entry.string()}`);
    if (entry.delta === 0) break;
  }
  return found.sort().join(' ');
};

const operations = {
  request: async (subject, data = '') => (await nc.request(subject, data, { timeout: 5000 })).string(),

  store: async (subject, data) => String((await js.publish(subject, data)).seq),
  fetch: async (stream, name, count = '1') =>
    fetched(await js.consumers.get(stream, name), Number(count)),
  durable: async (stream, name, filter_subject) => {
    await jsm.consumers.add(stream, { durable_name: name, filter_subject, ack_policy: AckPolicy.Explicit });
    return fetched(await js.consumers.get(stream, name), 10);
  },
  ephemeral: async (stream, filter_subject) => {
    const info = await jsm.consumers.add(stream, { filter_subject, ack_policy: AckPolicy.Explicit });
    return fetched(await js.consumers.get(stream, info.name), 10);
  },
  ordered: async (stream, filter_subjects) => {
    const consumer = await js.consumers.get(stream, { filter_subjects });
    return all(await consumer.fetch({ max_messages: 10, expires: 1000 }));
  },
  watch: async (stream, filter_subjects) => {
    const consumer = await js.consumers.getPushConsumer(stream, { filter_subjects });
    return all(await consumer.consume());
  },
  counted: async (stream, filter) =>
    String((await operations.watch(stream, filter)).split(' ').length),
  'watch.several': async (stream, ...filter_subjects) => {
    const consumer = await js.consumers.getPushConsumer(stream, { filter_subjects });
    return all(await consumer.consume());
  },
  push: async (stream, name) => {
    const consumer = await js.consumers.getPushConsumer(stream, name);
    return all(await consumer.consume());
  },
  last: async (stream, last_by_subj) =>
    (await jsm.direct.getMessage(stream, { last_by_subj })).string(),
  direct: async (stream, seq) =>
    (await jsm.direct.getMessage(stream, { seq: Number(seq) })).string(),
  message: async (stream, seq) =>
    (await jsm.streams.getMessage(stream, { seq: Number(seq) })).string(),
  'stream.create': async (name, subject) => void (await jsm.streams.add({ name, subjects: [subject] })),
  'stream.update': async (name, subject) => void (await jsm.streams.update(name, { subjects: [subject] })),
  'stream.info': async (name) => String((await jsm.streams.info(name)).state.messages),
  'stream.purge': async (name) => void (await jsm.streams.purge(name)),
  'stream.delete': async (name) => void (await jsm.streams.delete(name)),
  'message.delete': async (name, seq) => void (await jsm.streams.deleteMessage(name, Number(seq))),
  streams: async () => (await jsm.streams.list().next()).map((info) => info.config.name).join(' '),
  consumers: async (stream) =>
    (await jsm.consumers.list(stream).next()).map((info) => info.name).sort().join(' '),
  'consumer.info': async (stream, name) => String((await jsm.consumers.info(stream, name)).num_pending),
  'consumer.delete': async (stream, name) => void (await jsm.consumers.delete(stream, name)),
  'consumer.pause': async (stream, name) => {
    await jsm.consumers.pause(stream, name, new Date('2100-01-01'));
    await jsm.consumers.resume(stream, name);
  },

  'kv.get': async (name, key, revision) => {
    const entry = await (await bucket(name)).get(key, revision && { revision: Number(revision) });
    return entry?.operation === 'PUT' ? entry.string() : '';
  },
  'kv.put': async (name, key, value) => void (await (await bucket(name)).put(key, value)),
  'kv.create': async (name, key, value) => void (await (await bucket(name)).create(key, value)),
  'kv.delete': async (name, key) => void (await (await bucket(name)).delete(key)),
  'kv.purge': async (name, key) => void (await (await bucket(name)).purge(key)),
  'kv.watch': async (name, key) => entries(await (await bucket(name)).watch({ key })),
  'kv.history': async (name, key) => {
    const values = [];
    for await (const entry of await (await bucket(name)).history({ key })) values.push(entry.string());
    return values.join(' ');
  },
  'kv.keys': async (name, filter) => {
    const keys = [];
    for await (const key of await (await bucket(name)).keys(filter)) keys.push(key);
    return keys.sort().join(' ');
  },
  'kv.purge.deletes': async (name) => void (await (await bucket(name)).purgeDeletes(0)),

  'obj.put': async (name, object, data) =>
    void (await (await store(name)).putBlob({ name: object }, new TextEncoder().encode(data))),
  'obj.get': async (name, object) => {
    const data = await (await store(name)).getBlob(object);
    return data === null ? '' : text(data);
  },
  'obj.list': async (name) =>
    (await (await store(name)).list()).map((info) => info.name).sort().join(' '),
  'obj.delete': async (name, object) => void (await (await store(name)).delete(object)),
};

const denial = (error) => {
  for (let cause = error; cause; cause = cause.cause) {
    if (cause instanceof errors.PermissionViolationError) return cause;
  }
  return undefined;
};

const shown = (error) => `${error.operation} to "${error.subject}"`;

for (const operation of positionals) {
  const [name, ...words] = operation.split(' ');
  const violation = new Promise((resolve) => {
    stopped = resolve;
  });
  try {
    const first = await Promise.race([
      operations[name](...words).then((value) => ({ value: value ?? '' })),
      violation.then((error) => ({ denied: shown(error) })),
    ]);
    if ('denied' in first) say(operation, 'denied', first.denied);
    else say(operation, 'done', first.value);
  } catch (error) {
    const violated = denial(error);
    if (violated) say(operation, 'denied', shown(violated));
    else say(operation, 'failed', String(error?.message || error));
  }
}
// However many promises are still waiting.
process.exit(0);
