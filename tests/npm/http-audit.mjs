// All audits of npm graphql-http against a running server: node http-audit.mjs <url of /graphql> <token>
import { serverAudits } from 'graphql-http';

const [url, token] = process.argv.slice(2);

const fetchFn = (input, init = {}) => {
  const headers = new Headers(init.headers);
  headers.set('authorization', `Bearer ${token}`);
  return fetch(input, { ...init, headers });
};

let passed = 0;
const failed = [];
for (const audit of serverAudits({ url, fetchFn })) {
  const result = await audit.fn();
  if (result.status === 'ok') passed += 1;
  else failed.push(`${result.status} ${audit.id} ${audit.name}: ${result.reason}`);
}
console.log(`${passed} of ${passed + failed.length} audits`);
for (const line of failed) console.log(line);
process.exitCode = failed.length === 0 ? 0 : 1;
