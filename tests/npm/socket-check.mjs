// graphql-transport-ws with npm graphql-ws and with raw frames, and server-sent events:
// node socket-check.mjs <url of /graphql> <token>
import assert from 'node:assert/strict';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';

const [url, token] = process.argv.slice(2);
const socketUrl = url.replace(/^http/, 'ws');
const authorization = `Bearer ${token}`;
const PATIENCE_MS = 60_000;

const within = (what, promise) => {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited in vain: ${what}`)), PATIENCE_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
};

const post = async (query, variables) => {
  const response = await fetch(url, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  const answer = await response.json();
  assert.equal(answer.errors, undefined, JSON.stringify(answer));
  return answer.data;
};

const register = async (name) => {
  const data = await post(
    'mutation($input: RouterRegisterInput!) { routerRegister(input: $input) { router { id } userErrors { message } } }',
    { input: { name, host: '10.9.0.1', port: 8728, tls: 'PLAIN', username: 'simpul', password: 'x' } },
  );
  assert.deepEqual(data.routerRegister.userErrors, []);
  return data.routerRegister.router.id;
};

// One socket as bytes: says what it is told, and hears everything until it is closed.
const raw = async (messages, { protocol = 'graphql-transport-ws', origin } = {}) => {
  const socket = new WebSocket(socketUrl, protocol, origin ? { origin } : {});
  const heard = [];
  const refused = new Promise((resolve) => socket.on('error', (error) => resolve({ refused: error.message, heard })));
  const closed = new Promise((resolve) =>
    socket.on('close', (code, reason) => resolve({ code, reason: reason.toString(), heard })),
  );
  socket.on('message', (data) => {
    heard.push(JSON.parse(data.toString()));
    const next = messages.shift();
    if (next !== undefined) socket.send(typeof next === 'string' ? next : JSON.stringify(next));
    else if (messages.done) socket.close(1000);
  });
  socket.on('open', () => {
    const next = messages.shift();
    if (next !== undefined) socket.send(typeof next === 'string' ? next : JSON.stringify(next));
  });
  return within(`a close after ${JSON.stringify(messages)}`, Promise.race([refused, closed]));
};

const init = { type: 'connection_init', payload: { authorization } };
const live = { type: 'subscribe', id: '1', payload: { query: 'subscription { routerEvents { __typename } }' } };

const checks = {
  async 'a breach is closed with its code'() {
    for (const [messages, code] of [
      [['{'], 4400],
      [[{ type: 'nothing'.repeat(50) }], 4400],
      [[{ type: 'start', id: '1', payload: {} }], 4400],
      [[live], 4401],
      [[{ type: 'connection_init' }], 4403],
      [[{ type: 'connection_init', payload: { authorization: 'Bearer x' } }], 4403],
      [[init, init], 4429],
    ]) {
      const ended = await raw(messages);
      assert.equal(ended.code, code, JSON.stringify(ended));
    }
  },

  async 'two subscribers with one id are refused'() {
    const socket = new WebSocket(socketUrl, 'graphql-transport-ws');
    const closed = new Promise((resolve) => socket.on('close', resolve));
    socket.on('open', () => socket.send(JSON.stringify(init)));
    socket.on('message', () => {
      socket.send(JSON.stringify(live));
      socket.send(JSON.stringify(live));
    });
    assert.equal(await within('4409', closed), 4409);
  },

  async 'the older protocol and foreign pages are refused'() {
    assert.match((await raw([], { protocol: 'graphql-ws' })).refused, /400/);
    assert.match((await raw([], { origin: 'https://evil.example' })).refused, /403/);
  },

  async 'what does not validate is one error'() {
    const messages = [init, { type: 'subscribe', id: '1', payload: { query: '{nothing}' } }];
    messages.done = true;
    const { heard } = await raw(messages);
    assert.deepEqual(heard.map((message) => message.type), ['connection_ack', 'error']);
    assert.equal(heard[1].payload[0].extensions.code, 'GRAPHQL_VALIDATION_FAILED');
  },

  async 'a ping is echoed'() {
    const messages = [init, { type: 'ping', payload: { x: 1 } }];
    messages.done = true;
    const { heard } = await raw(messages);
    assert.deepEqual(heard[1], { type: 'pong', payload: { x: 1 } });
  },

  async 'queries and mutations run over the socket, five lazy ones in a row'() {
    const client = createClient({ url: socketUrl, webSocketImpl: WebSocket, connectionParams: { authorization } });
    for (let turn = 0; turn < 5; turn += 1) {
      const results = [];
      for await (const result of client.iterate({ query: '{viewer{user{id}}}' })) results.push(result);
      assert.equal(results.length, 1);
      assert.match(results[0].data.viewer.user.id, /^usr_/);
    }
    await client.dispose();
  },

  async 'a client that comes back with its cursor misses nothing'() {
    const seen = [];
    const sockets = [];
    let cursor = null;
    class Tracked extends WebSocket {
      constructor(...arguments_) {
        super(...arguments_);
        sockets.push(this);
      }
    }
    const client = createClient({
      url: socketUrl,
      webSocketImpl: Tracked,
      connectionParams: { authorization },
      retryAttempts: 10,
      shouldRetry: () => true,
      retryWait: () => new Promise((resolve) => setTimeout(resolve, 50)),
    });
    // One subscription until it has seen `count` events in all.
    const listen = (count, started) =>
      new Promise((resolve, reject) => {
        const query = `subscription($after: String) { routerEvents(after: $after) {
          __typename ... on RouterRegistered { cursor router { id name } } ... on StreamReset { reason } } }`;
        const unsubscribe = client.subscribe(
          { query, variables: { after: cursor } },
          {
            next: ({ data, errors }) => {
              if (errors) return reject(new Error(JSON.stringify(errors)));
              const event = data.routerEvents;
              if (event.__typename !== 'RouterRegistered') return;
              cursor = event.cursor;
              seen.push(event.router.name);
              if (seen.length >= count) {
                unsubscribe();
                resolve();
              }
            },
            error: reject,
            complete: () => {},
          },
        );
        started?.();
      });

    // The first event tells that the stream is on: register until it is seen.
    const first = listen(1);
    let name = 0;
    while (seen.length === 0) {
      await register(`tries-${(name += 1)}`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    await within('the first event', first);
    seen.length = 0;
    // What happens while nobody listens.
    for (const missed of ['missed-1', 'missed-2', 'missed-3']) await register(missed);
    const rest = listen(5);
    await register('live-1');
    await register('live-2');
    await within('the events', rest);
    const wanted = seen.filter((event) => !event.startsWith('tries'));
    assert.deepEqual(wanted.slice(0, 3), ['missed-1', 'missed-2', 'missed-3']);
    await client.dispose();
    for (const socket of sockets) socket.terminate();
  },

  async 'a state comes at once, and a missing thing is not found'() {
    const id = await register('state');
    const client = createClient({ url: socketUrl, webSocketImpl: WebSocket, connectionParams: { authorization } });
    const query = 'subscription($id: ID!) { routerState(id: $id) { id name } }';
    const stream = client.iterate({ query, variables: { id } });
    const first = await within('the first state', stream.next());
    assert.deepEqual(first.value.data, { routerState: { id, name: 'state' } });
    await stream.return();
    const missing = client.iterate({ query, variables: { id: 'rtr_7zzzzzzzzzzzzzzzzzzzzzzzzz' } });
    const errors = await missing.next().then(
      () => assert.fail('nothing to see'),
      (errors) => errors,
    );
    assert.equal(errors[0].extensions.code, 'NOT_FOUND');
    await client.dispose();
  },

  async 'server-sent events carry the same'() {
    const ask = (query) =>
      fetch(`${url}/stream`, {
        method: 'POST',
        headers: { authorization, 'content-type': 'application/json', accept: 'text/event-stream' },
        body: JSON.stringify({ query }),
      });
    const text = await (await ask('{viewer{user{id}}}')).text();
    assert.match(text, /^event: next\ndata: \{"data":\{"viewer".*\}\n\nevent: complete\ndata: \n\n$/);
    const refused = await (await ask('{nothing}')).text();
    assert.match(refused, /^event: next\ndata: .*GRAPHQL_VALIDATION_FAILED.*\n\nevent: complete/);
    const id = await register('sse');
    const stream = await ask(`subscription { routerState(id: "${id}") { name } }`);
    assert.equal(stream.headers.get('content-type'), 'text/event-stream; charset=utf-8');
    const reader = stream.body.getReader();
    const chunk = await within('the first event', reader.read());
    assert.match(new TextDecoder().decode(chunk.value), /"name":"sse"/);
    await reader.cancel();
  },
};

for (const [name, check] of Object.entries(checks)) {
  await check();
  console.log(`ok ${name}`);
}
process.exit(0);
