// The peer of `./dev bench graphql`: the same list by mercurius with its JIT, from the same table.
// usage: node mercurius.mjs <database URL> <tenant>; prints the port that it listens on.
import Fastify from 'fastify'
import mercurius from 'mercurius'
import pg from 'pg'

const [url, tenant] = process.argv.slice(2)
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

const resolvers = {
  Query: {
    invoices: async (_, { first }) => {
      const found = await pool.query({
        name: 'invoices',
        text: `SELECT invoice_id AS id, number, status, due_on, total, outstanding, lines FROM rm_invoices_v1.invoices
               WHERE tenant_id = $1 ORDER BY issued_at DESC, invoice_id DESC LIMIT $2`,
        values: [tenant, first]
      })
      return { nodes: found.rows.map(shown) }
    }
  }
}

const app = Fastify()
app.register(mercurius, { schema, resolvers, jit: 1 })
await app.listen({ host: '127.0.0.1', port: 0 })
console.log(app.server.address().port)
