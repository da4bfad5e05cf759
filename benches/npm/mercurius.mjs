// The peer of `./dev bench graphql`: the same list by mercurius with its JIT, from the same table.
// usage: node mercurius.mjs <database URL> <tenant> [<key file>]; prints the port that it listens on.
//
// With the key that signs our tokens it does what must be done before somebody may see the list, in the way that its own
// field does it: the token is verified (once; the plug-in remembers it), the user's standing is looked up at each request, and the
// database guards the tenant in a transaction. Without a key it answers everybody.
import { createPublicKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import jwt from '@fastify/jwt'
import Fastify from 'fastify'
import mercurius from 'mercurius'
import pg from 'pg'

const [url, tenant, keyFile] = process.argv.slice(2)
// Dates as they come; a Date object for each would only slow the peer down.
for (const oid of [1082, 1184]) pg.types.setTypeParser(oid, (text) => text)
const pool = new pg.Pool({ connectionString: url, max: 12 })

const schema = `
  type Money { amount: String! currency: String! }
  type InvoiceLine { kind: String! description: String! amount: Money! }
  type Invoice {
    id: ID! number: String! status: String! dueOn: String! total: Money! outstanding: Money! lines: [InvoiceLine!]!
  }
  type InvoiceConnection { nodes: [Invoice!]! }
  type Query { invoices(first: Int!): InvoiceConnection! }
`

const rupiah = (amount) => ({ amount: String(amount), currency: 'IDR' })
const shown = (row) => ({
  id: row.id,
  number: row.number,
  status: row.status,
  dueOn: row.due_on,
  total: rupiah(row.total),
  outstanding: rupiah(row.outstanding),
  lines: row.lines.map((line) => ({
    kind: line.kind.toUpperCase(),
    description: line.description,
    amount: rupiah(line.amount)
  }))
})

const list = (table, first) => ({
  name: 'invoices',
  text: `SELECT invoice_id AS id, number, status, due_on, total, outstanding, lines FROM ${table}
         WHERE tenant_id = $1 ORDER BY issued_at DESC, invoice_id DESC LIMIT $2`,
  values: [tenant, first]
})

const ofEverybody = (first) => pool.query(list('rm_invoices_v1.invoices', first))

async function ofTenant (first) {
  const client = await pool.connect()
  try {
    await client.query(`BEGIN READ ONLY; SELECT es.enter_read_models('${tenant}', '{invoices}')`)
    const found = await client.query(list('invoices', first))
    await client.query('ROLLBACK')
    return found
  } finally {
    client.release()
  }
}

const digits = '0123456789abcdefghjkmnpqrstvwxyz'
// An id as we print it, as a UUID.
function uuid (id) {
  const bits = [...id.slice(id.indexOf('_') + 1)].reduce((bits, letter) => bits * 32n + BigInt(digits.indexOf(letter)), 0n)
  return bits.toString(16).padStart(32, '0')
}

const known = new Map()
async function context (request) {
  const claims = await request.jwtVerify()
  if (!known.has(claims.sid)) known.set(claims.sid, [claims.tid, claims.sub, claims.sid].map(uuid))
  const found = await pool.query({
    name: 'standing',
    text: 'SELECT disabled, permissions, session_open FROM es.standing($1, $2, $3, now())',
    values: known.get(claims.sid)
  })
  const [standing] = found.rows
  if (!standing?.session_open || standing.disabled || !standing.permissions.includes('billing.read')) {
    throw new Error('not for you')
  }
  return {}
}

const select = keyFile ? ofTenant : ofEverybody
const resolvers = {
  Query: {
    invoices: async (_, { first }) => ({ nodes: (await select(first)).rows.map(shown) })
  }
}

const app = Fastify()
if (keyFile) {
  const key = createPublicKey(readFileSync(keyFile)).export({ type: 'spki', format: 'pem' })
  app.register(jwt, { secret: { public: key }, verify: { algorithms: ['RS256'], allowedIss: 'simpul', cache: true } })
}
app.register(mercurius, { schema, resolvers, jit: 1, ...(keyFile && { context }) })
await app.listen({ host: '127.0.0.1', port: 0 })
console.log(app.server.address().port)
