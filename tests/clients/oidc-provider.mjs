#!/usr/bin/env node
// A real IdP for the tests: oidc-provider, issuing JWT access tokens (RFC 9068,
// `at+jwt`) for OAuth's client_credentials grant, and to people who sign in
// (authorization code with PKCE, device authorization, refresh tokens that
// rotate).
//
//   node oidc-provider.mjs [--ttl SECONDS] [--alg RS256|PS256|ES256|ES384|EdDSA]
//                          [--audience URI] [--port PORT] [--device-ttl SECONDS]
//                          [--format jwt|opaque|lightweight]
//
// `opaque` tokens say nothing, and `lightweight` ones are JWTs without the
// roles: both are to be asked about (RFC 7662). All can be revoked (RFC 7009).
//
// Prints one line of JSON on stdout when it listens, and ends when its stdin is
// closed: a test that dies takes its IdP with it. (So do not start it with
// stdin from /dev/null.)
//
// Each line on stdin is a command, answered by a line of JSON with its number:
// `rotate` signs with a fresh key from now on and publishes the older ones too,
// `retire` publishes the newest one only, `count` tells how often discovery and
// the keys were asked for, and how often somebody asked about a token.
//
// Clients are `clerk`, `reader` and `nobody`, the secret is `<id>-secret`, sent
// by HTTP Basic:
//
//   curl -u clerk:clerk-secret -d grant_type=client_credentials $TOKEN_ENDPOINT
//
// Who asks about tokens is the client `hallpass` (by HTTP Basic) or
// `hallpass-post` (in the form). Their secrets have in them what must be encoded
// on the way: see `secretOf`.
//
// People sign in with the public client `hallpass-cli`. Whoever comes to the
// sign-in page is `alice` and agrees to everything, unless the browser sends the
// header `x-sign-in: deny`.

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
    'device-ttl': { type: 'string', default: '600' },
    format: { type: 'string', default: 'jwt' },
  },
});
const ttl = Number(options.ttl);
if (!Number.isInteger(ttl) || ttl < 1) {
  throw new RangeError(`--ttl must be a whole number of seconds, at least 1: ${options.ttl}`);
}
if (!['jwt', 'opaque', 'lightweight'].includes(options.format)) {
  throw new RangeError(`--format is none of jwt, opaque and lightweight: ${options.format}`);
}
const opaque = options.format === 'opaque';
const lightweight = options.format === 'lightweight';

// Who exists, and the roles that are put where Keycloak puts them.
const ROLES = {
  clerk: ['orders:write'],
  reader: ['orders:read'],
  nobody: [],
};

// People, with theirs.
const PEOPLE = { alice: ['orders:write'] };

// Who asks about tokens, and how they send their secret.
const ASKERS = { hallpass: 'client_secret_basic', 'hallpass-post': 'client_secret_post' };
const secretOf = (id) => (ASKERS[id] ? `${id}: 100% + a & b` : `${id}-secret`);

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

const rolesOf = (client, account) => ({
  realm_access: { roles: ROLES[client] ?? PEOPLE[account] },
});

// One for each set of keys, of which the first signs: the library's are fixed.
const provide = (keys) => new Provider(issuer, {
  clients: [
    ...Object.keys(ROLES).map((id) => ({
      client_id: id,
      client_secret: secretOf(id),
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      // The library's default for ID tokens, which nobody asks for here, is
      // RS256, and it would insist on a key for it.
      id_token_signed_response_alg: options.alg,
    })),
    ...Object.entries(ASKERS).map(([id, method]) => ({
      client_id: id,
      client_secret: secretOf(id),
      token_endpoint_auth_method: method,
      grant_types: [],
      redirect_uris: [],
      response_types: [],
      id_token_signed_response_alg: options.alg,
    })),
    {
      client_id: 'hallpass-cli',
      token_endpoint_auth_method: 'none',
      // Native: the redirect may be to any port of a loopback address.
      application_type: 'native',
      grant_types: [
        'authorization_code',
        'refresh_token',
        'urn:ietf:params:oauth:grant-type:device_code',
      ],
      redirect_uris: ['http://127.0.0.1/callback'],
      response_types: ['code'],
      id_token_signed_response_alg: options.alg,
    },
  ],
  findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
  pkce: { required: () => true },
  issueRefreshToken: (_context, client, source) =>
    client.grantTypeAllowed('refresh_token') && source.scopes.has('offline_access'),
  rotateRefreshToken: true,
  jwks: { keys },
  cookies: { keys: [randomBytes(32).toString('hex')] },
  enabledJWA: { idTokenSigningAlgValues: [options.alg] },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    deviceFlow: { enabled: true },
    introspection: {
      enabled: true,
      // Clients of no resource server, such as `clerk`, have no business there.
      allowedPolicy: (_context, client) => client.clientId in ASKERS,
    },
    revocation: {
      enabled: true,
      allowedPolicy: (_context, client, token) => client.clientId === token.clientId,
    },
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
        accessTokenFormat: opaque ? 'opaque' : 'jwt',
        jwt: { sign: { alg: options.alg } },
      }),
    },
  },
  // In the token where it is a JWT, in the answer about it where it is opaque.
  extraTokenClaims: (_context, token) => ({
    ...(lightweight ? {} : rolesOf(token.clientId, token.accountId)),
    // Without a user, a JWT's `sub` is the client's id; of an opaque token the
    // library says none then (it is optional in RFC 7662, section 2.2).
    ...(opaque && !token.accountId ? { sub: token.clientId } : {}),
    tenant_id: 'acme',
  }),
  ttl: {
    ClientCredentials: ttl,
    AuthorizationCode: 60,
    DeviceCode: Number(options['device-ttl']),
    Grant: 3600,
    IdToken: ttl,
    Interaction: 600,
    RefreshToken: 3600,
    Session: 3600,
  },
});

// The access tokens that were issued and not revoked: for the stand-in below.
const issued = new Set();

let keys = [];
let answer;
let provider;
const publish = (published) => {
  keys = published;
  provider = provide(keys);
  provider.on('server_error', (_context, error) => console.error(error));
  provider.use(async (context, next) => {
    await next();
    if (context.body?.access_token) issued.add(context.body.access_token);
  });
  answer = provider.callback();
};
publish([freshKey()]);

// The sign-in page, with somebody before it who is quick.
async function interact(request, response) {
  const { session, params, prompt, grantId } = await provider.interactionDetails(request, response);
  if (request.headers['x-sign-in'] === 'deny') {
    const denied = { error: 'access_denied', error_description: 'alice said no' };
    await provider.interactionFinished(request, response, denied);
  } else if (prompt.name === 'login') {
    await provider.interactionFinished(request, response, { login: { accountId: 'alice' } });
  } else {
    const grant = grantId
      ? await provider.Grant.find(grantId)
      : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
    grant.addOIDCScope(params.scope);
    grant.addResourceScope(options.audience, params.scope);
    const consent = { grantId: await grant.save() };
    await provider.interactionFinished(request, response, { consent }, { mergeWithLastSubmission: true });
  }
}

// A stand-in: the library does neither introspect nor revoke JWTs ("Structured
// JWT Tokens cannot be introspected", `unsupported_token_type`). It answers as
// Keycloak does for its lightweight access tokens: with the claims of the token
// and with those that were left out of it.
async function introspectOrRevoke(request, response) {
  let body = '';
  for await (const chunk of request) body += chunk;
  const form = new URLSearchParams(body);
  const [id, secret] = Buffer.from((request.headers.authorization ?? '').replace(/^Basic /, ''), 'base64')
    .toString().split(':').map((part) => decodeURIComponent(part.replaceAll('+', ' ')));
  const say = (status, answer) => response
    .writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  const isRevocation = request.url === REVOCATION;
  if (secret !== secretOf(id) || !(id in (isRevocation ? ROLES : ASKERS))) {
    say(401, { error: 'invalid_client' });
  } else if (isRevocation) {
    issued.delete(form.get('token'));
    response.writeHead(200).end();
  } else {
    const token = form.get('token');
    const payload = issued.has(token) && JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
    const active = payload && payload.exp > Date.now() / 1000;
    say(200, active ? { active, ...payload, ...rolesOf(payload.client_id, payload.sub) } : { active: false });
  }
}

const INTROSPECTION = '/token/introspection';
const REVOCATION = '/token/revocation';
const asked = {};
server.on('request', (request, response) => {
  asked[request.url] = (asked[request.url] ?? 0) + 1;
  const standsIn = lightweight && [INTROSPECTION, REVOCATION].includes(request.url);
  if (!standsIn && !request.url.startsWith('/interaction/')) {
    answer(request, response);
    return;
  }
  (standsIn ? introspectOrRevoke : interact)(request, response).catch((error) => {
    console.error(error);
    response.writeHead(500).end();
  });
});

const discovered = await fetch(`${issuer}/.well-known/openid-configuration`);
if (!discovered.ok) {
  throw new Error(`discovery answers ${discovered.status}`);
}
const { token_endpoint, jwks_uri } = await discovered.json();
console.log(JSON.stringify({
  issuer,
  token_endpoint,
  jwks_uri,
  introspection_endpoint: issuer + INTROSPECTION,
  revocation_endpoint: issuer + REVOCATION,
  audience: options.audience,
}));

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
      introspection: asked[INTROSPECTION] ?? 0,
    }));
  })
  .on('close', () => process.exit(0));
