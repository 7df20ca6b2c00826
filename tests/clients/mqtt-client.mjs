#!/usr/bin/env node
// A probe that speaks MQTT 3.1.1 (what nats-server speaks) with the `mqtt`
// package, for the integration tests. A token travels as the password.
//
//   NATS_TOKEN=... node tests/clients/mqtt-client.mjs \
//     --url mqtt://127.0.0.1:1883 --user whoever \
//     --subscribe 'orders/acme/#' --publish orders/acme/created=hello --expect 1
//
// Over mqtts, --ca names who is believed, and --cert and --key what is shown;
// all three are files in PEM.
//
// A subscription to `a/#` needs to be allowed `a` beside `a.>`: in MQTT the
// multi-level wildcard includes its parent, and nats-server subscribes to both.
//
// Events and exit statuses are those of nats-py-client.py. MQTT 3.1.1 can say
// that a subscription is not permitted, and has no word for a publish that is
// not: nothing arrives, that is all. So for a publish there never is an event.

import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import mqtt from 'mqtt';

const REFUSED = 2;
const FAILED = 1;
// The return codes of CONNACK for a bad user name or password, and for
// 'not authorized'; and the one of SUBACK for a subscription that failed.
const CONNACK_REFUSALS = [4, 5];
const SUBACK_FAILURE = 0x80;

const say = (event, details = {}) => console.log(JSON.stringify({ event, ...details }));

const { values: options } = parseArgs({
  options: {
    url: { type: 'string' },
    user: { type: 'string', default: 'probe' },
    'client-id': { type: 'string' },
    ca: { type: 'string' },
    cert: { type: 'string' },
    key: { type: 'string' },
    subscribe: { type: 'string', multiple: true, default: [] },
    publish: { type: 'string', multiple: true, default: [] },
    qos: { type: 'string', default: '0' },
    expect: { type: 'string', default: '0' },
    hold: { type: 'boolean', default: false },
    timeout: { type: 'string', default: '10' },
  },
});
if (!options.url) throw new TypeError('--url is missing');
const qos = Number(options.qos);
const expected = Number(options.expect);

setTimeout(() => {
  say('failed', { error: 'timeout' });
  process.exit(FAILED);
}, Number(options.timeout) * 1000).unref();

const tls = {};
for (const name of ['ca', 'cert', 'key']) if (options[name]) tls[name] = readFileSync(options[name]);

const client = mqtt.connect(options.url, {
  protocolVersion: 4,
  username: options.user,
  password: process.env.NATS_TOKEN ?? '',
  ...(options['client-id'] && { clientId: options['client-id'] }),
  ...tls,
  clean: true,
  reconnectPeriod: 0, // never again
  connectTimeout: 5000,
});
// Registered before anything can happen, so that nothing is missed.
const closed = new Promise((resolve) => client.once('close', resolve));
let received = 0;
const enough = new Promise((resolve) => {
  client.on('message', (topic, payload) => {
    say('message', { subject: topic, data: payload.toString() });
    received += 1;
    if (received >= expected) resolve('enough');
  });
});

try {
  await new Promise((resolve, reject) => {
    client.once('connect', resolve);
    client.once('error', reject);
    closed.then(() => reject(new Error('the server closed the connection during the login')));
  });
  client.on('error', () => {}); // 'close' follows, and says enough
  say('connected');

  for (const topic of options.subscribe) {
    const code = await new Promise((resolve, reject) => {
      // A refused subscription is an error of the library; the code is in SUBACK.
      client.subscribe(topic, { qos }, (error, granted, packet) => {
        const answer = packet?.granted?.[0] ?? granted?.[0]?.qos;
        if (answer !== undefined) resolve(answer);
        else reject(error ?? new Error('no SUBACK'));
      });
    });
    if (code >= SUBACK_FAILURE) {
      say('permission_violation', { operation: 'subscribe', subject: topic });
    }
  }
  say('ready');

  for (const text of options.publish) {
    const at = text.indexOf('=');
    if (at < 0) throw new TypeError(`TOPIC=PAYLOAD is expected, not '${text}'`);
    await client.publishAsync(text.slice(0, at), text.slice(at + 1), { qos });
  }

  if (expected > 0 && (await Promise.race([enough, closed])) !== 'enough') {
    throw new Error('disconnected');
  }
  if (options.hold) {
    await closed;
    say('disconnected', { error: '' });
  } else {
    await client.endAsync();
  }
  say('done');
  process.exit(0);
} catch (error) {
  const refused = CONNACK_REFUSALS.includes(error?.code);
  say(refused ? 'refused' : 'failed', { error: String(error?.message || error) });
  process.exit(refused ? REFUSED : FAILED);
}
