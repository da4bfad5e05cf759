// graphql-transport-ws with npm graphql-ws and with raw frames, and server-sent events:
// node socket-check.mjs <url of /graphql> <token>
import assert from 'node:assert/strict';
import net from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
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

// A way to the server that can be cut. While it is, nobody gets through.
const wire = async () => {
  const { hostname, port, pathname } = new URL(url);
  const open = new Set();
  let whole = true;
  const server = net.createServer((near) => {
    if (!whole) return near.destroy();
    const far = net.connect(Number(port), hostname);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ]) {
      from.pipe(to);
      from.on('error', () => {});
      from.on('close', () => to.destroy());
    }
    open.add(near);
    near.on('close', () => open.delete(near));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `ws://127.0.0.1:${server.address().port}${pathname}`,
    cut() {
      whole = false;
      for (const near of open) near.destroy();
    },
    mend() {
      whole = true;
    },
    close() {
      this.cut();
      server.close();
    },
  };
};

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

  async 'a client whose connection is cut comes back with its cursor and misses nothing'() {
    const between = await wire();
    const closed = [];
    let connected = 0;
    const client = createClient({
      url: between.url,
      webSocketImpl: WebSocket,
      connectionParams: { authorization },
      retryAttempts: 1_000,
      shouldRetry: () => true,
      retryWait: () => pause(50),
      on: { connected: () => (connected += 1), closed: (event) => closed.push(event.code) },
    });
    // The client sends this again whenever it comes back; what was seen is written into it.
    const payload = {
      query: `subscription($after: String) { routerEvents(after: $after) {
        __typename ... on RouterRegistered { cursor router { name } } ... on StreamReset { reason } } }`,
      variables: { after: null },
    };
    const seen = [];
    const failed = new Promise((_, reject) => {
      client.subscribe(payload, {
        next: ({ data, errors }) => {
          if (errors) return reject(new Error(JSON.stringify(errors)));
          const event = data.routerEvents;
          if (event.__typename !== 'RouterRegistered') return reject(new Error(JSON.stringify(event)));
          seen.push({ cursor: event.cursor, name: event.router.name });
          payload.variables.after = event.cursor;
        },
        error: reject,
        complete: () => reject(new Error('the stream ended')),
      });
    });
    const until = (what, so) => {
      const looks = async () => {
        while (!so()) await pause(20);
      };
      return within(what, Promise.race([looks(), failed]));
    };
    const happened = [];
    const happens = async (name) => {
      await register(name);
      happened.push(name);
    };

    // The first event tells that the stream is on.
    while (seen.length === 0) {
      await happens(`tries-${happened.length}`);
      await pause(200);
    }
    const from = happened.indexOf(seen[0].name);
    for (let turn = 1; turn <= 5; turn += 1) {
      // Some are on their way when the connection is cut, some happen while there is none.
      await happens(`in-flight-${turn}`);
      between.cut();
      await happens(`missed-${turn}-a`);
      await happens(`missed-${turn}-b`);
      between.mend();
      await happens(`again-${turn}`);
      const last = happened.at(-1);
      await until(`${last} of ${JSON.stringify(seen)}`, () => seen.some(({ name }) => name === last));
      assert.equal(connected, turn + 1, 'cut once each turn');
    }
    const names = new Map(seen.map(({ cursor, name }) => [cursor, name]));
    assert.deepEqual([...names.values()], happened.slice(from));
    assert.ok(closed.every((code) => code === 1006), `cut off, not closed: ${closed}`);
    await client.dispose();
    between.close();
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
