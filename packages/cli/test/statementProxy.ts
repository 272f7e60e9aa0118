import { connect } from 'node:net'
import { tcpServer } from './tcpServer.js'

export interface StatementProxy extends AsyncDisposable {
  /** The database behind it. */
  readonly url: string
  /** The statements that were sent since this was last called, each of which is a round trip. */
  takeStatements(): string[]
}

/** A proxy on a Unix socket that records the statements that are sent to the database behind it. */
export async function statementProxy(url: string): Promise<StatementProxy> {
  const { username, pathname, searchParams } = new URL(url)
  let statements: string[] = []
  const server = await tcpServer((client) => {
    const database = connect(`${searchParams.get('host')}/.s.PGSQL.5432`)
    const read = messageReader((type, body) => {
      if (type === 'Q') statements.push(textAt(body, 0))
      // Parse: the name of the prepared statement comes first.
      if (type === 'P') statements.push(textAt(body, body.indexOf(0) + 1))
    })
    database.on('error', () => client.destroy()).pipe(client)
    client.on('close', () => database.destroy()).on('data', read)
    client.pipe(database)
  })
  return {
    url: `postgresql://${username}@127.0.0.1:${server.port}${pathname}`,
    takeStatements() {
      const taken = statements
      statements = []
      return taken
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

/** Reads a client's side of PostgreSQL's protocol 3.0, whose first message has no type. */
function messageReader(onMessage: (type: string, body: Buffer) => void) {
  let unread: Buffer = Buffer.alloc(0)
  let isFirst = true
  return (chunk: Buffer) => {
    unread = Buffer.concat([unread, chunk])
    for (;;) {
      const typeLength = isFirst ? 0 : 1
      if (unread.length < typeLength + 4) return
      const end = typeLength + unread.readInt32BE(typeLength)
      if (unread.length < end) return
      const type = unread.toString('latin1', 0, typeLength)
      onMessage(type, unread.subarray(typeLength + 4, end))
      unread = unread.subarray(end)
      isFirst = false
    }
  }
}

function textAt(body: Buffer, start: number): string {
  return body.toString('utf8', start, body.indexOf(0, start))
}
