#!/usr/bin/env node
// A real IdP for the tests: oidc-provider, issuing JWT access tokens (RFC 9068,
// `at+jwt`) for OAuth's client_credentials grant.
//
//   node oidc-provider.mjs [--ttl SECONDS] [--alg RS256|PS256|ES256|ES384|EdDSA]
//                          [--audience URI] [--port PORT]
//
// Prints one line of JSON on stdout when it listens, and ends when its stdin is
// closed: a test that dies takes its IdP with it. (So do not start it with
// stdin from /dev/null.)
//
// Each line on stdin is a command, answered by a line of JSON with its number:
// `rotate` signs with a fresh key from now on and publishes the older ones too,
// `retire` publishes the newest one only, `count` tells how often discovery and
// the keys were asked for.
//
// Clients are `clerk`, `reader` and `nobody`, the secret is `<id>-secret`, sent
// by HTTP Basic:
//
//   curl -u clerk:clerk-secret -d grant_type=client_credentials $TOKEN_ENDPOINT

import { createServer } from 'node:http';
import { generateKeyPairSync, randomBytes, webcrypto } from 'node:crypto';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';

// The Node 18 of Debian 12 and Ubuntu 24.04 has the first two, but not as
// globals, and lacks the third. With them the library runs there, though it
// warns of any Node older than its own favourite (on stderr, like everything).
globalThis.crypto ??= webcrypto;
globalThis.CryptoKey ??= webcrypto.CryptoKey;
URL.parse ??= (url, base) => {
  try {
    return new URL(url, base);
  } catch {
    return null;
  }
};

// stdout carries one line of JSON; the library's notices go where logs go.
console.info = console.error;

// Only after the globals are there, and a static import would run first.
const { default: Provider } = await import('oidc-provider');

const { values: options } = parseArgs({
  options: {
    ttl: { type: 'string', default: '300' },
    alg: { type: 'string', default: 'RS256' },
    audience: { type: 'string', default: 'urn:nats' },
    port: { type: 'string', default: '0' },
  },
});
const ttl = Number(options.ttl);
if (!Number.isInteger(ttl) || ttl < 1) {
  throw new RangeError(`--ttl must be a whole number of seconds, at least 1: ${options.ttl}`);
}

// Who exists, and the roles that are put where Keycloak puts them.
const ROLES = {
  clerk: ['orders:write'],
  reader: ['orders:read'],
  nobody: [],
};

const generateKey = {
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  PS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  ES384: () => generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  EdDSA: () => generateKeyPairSync('ed25519'),
}[options.alg];
if (!generateKey) {
  throw new RangeError(`--alg is not one that this IdP signs with: ${options.alg}`);
}
// A fresh key for each run: a token of one run is worth nothing in the next.
const freshKey = () => ({
  ...generateKey().privateKey.export({ format: 'jwk' }),
  alg: options.alg,
  use: 'sig',
  kid: randomBytes(8).toString('hex'),
});

// The issuer's name holds the port, and the port is known once it is bound. So:
// bind, then build the provider, then answer.
const server = createServer();
await new Promise((resolve, reject) => {
  server.once('error', reject);
  server.listen(Number(options.port), '127.0.0.1', resolve);
});
const issuer = `http://127.0.0.1:${server.address().port}`;

// One for each set of keys, of which the first signs: the library's are fixed.
const provide = (keys) => new Provider(issuer, {
  clients: Object.keys(ROLES).map((id) => ({
    client_id: id,
    client_secret: `${id}-secret`,
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
    // The library's default for ID tokens, which nobody asks for here, is
    // RS256, and it would insist on a key for it.
    id_token_signed_response_alg: options.alg,
  })),
  jwks: { keys },
  cookies: { keys: [randomBytes(32).toString('hex')] },
  enabledJWA: { idTokenSigningAlgValues: [options.alg] },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    // An access token is a JWT only if it is meant for a resource server; all
    // are meant for the one here, so that no `resource` need be asked for.
    resourceIndicators: {
      enabled: true,
      defaultResource: () => options.audience,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: '',
        audience: options.audience,
        accessTokenTTL: ttl,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: options.alg } },
      }),
    },
  },
  // `sub` is there already: without a user it is the client's id.
  extraTokenClaims: (_context, token) => ({
    realm_access: { roles: ROLES[token.clientId] },
    tenant_id: 'acme',
  }),
  ttl: { ClientCredentials: ttl },
});

let keys = [];
let answer;
const publish = (published) => {
  keys = published;
  const provider = provide(keys);
  provider.on('server_error', (_context, error) => console.error(error));
  answer = provider.callback();
};
publish([freshKey()]);

const asked = {};
server.on('request', (request, response) => {
  asked[request.url] = (asked[request.url] ?? 0) + 1;
  answer(request, response);
});

const discovered = await fetch(`${issuer}/.well-known/openid-configuration`);
if (!discovered.ok) {
  throw new Error(`discovery answers ${discovered.status}`);
}
const { token_endpoint, jwks_uri } = await discovered.json();
console.log(JSON.stringify({ issuer, token_endpoint, jwks_uri, audience: options.audience }));

const commands = {
  rotate: () => publish([freshKey(), ...keys]),
  retire: () => publish(keys.slice(0, 1)),
  count: () => {},
};
let commanded = 0;
createInterface({ input: process.stdin })
  .on('line', (command) => {
    commands[command]();
    commanded += 1;
    console.log(JSON.stringify({
      command: commanded,
      kids: keys.map((key) => key.kid),
      discovery: asked['/.well-known/openid-configuration'] ?? 0,
      jwks: asked[new URL(jwks_uri).pathname] ?? 0,
    }));
  })
  .on('close', () => process.exit(0));
