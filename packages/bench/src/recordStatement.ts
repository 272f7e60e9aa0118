import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { PortManager } from '@ports/core'
import { openRepository } from '@ports/db'
import pg from 'pg'

export interface Statement {
  readonly name: string
  readonly text: string
  readonly values: readonly (string | null)[]
}

/**
 * Records what the registry sends to the server for a call, so that the baseline runs the same
 * statement. Of several statements the last one counts, which does the work.
 * @param url the registry's database
 */
export async function recordStatement(
  url: string,
  call: (ports: PortManager) => Promise<unknown>,
): Promise<Statement> {
  const { host, port, database, user } = new pg.Client({ connectionString: url })
  const texts = new Map<string, string>()
  let last: Omit<Statement, 'text'> | undefined
  const proxy = createServer((client) => {
    const server = connect(
      host.startsWith('/') ? { path: `${host}/.s.PGSQL.${port}` } : { host, port },
    )
    server.pipe(client)
    const readMessages = messageReader((type, content) => {
      if (type === 'P') readParse(content, texts)
      if (type === 'B') last = readBind(content)
    })
    client.on('data', (bytes) => {
      server.write(bytes)
      readMessages(bytes)
    })
    for (const socket of [client, server]) {
      socket.on('error', () => {})
      socket.on('close', () => {
        client.destroy()
        server.destroy()
      })
    }
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const { port: proxyPort } = proxy.address() as AddressInfo
  const repository = await openRepository({
    url: `postgresql://${user}@127.0.0.1:${proxyPort}/${database}`,
  })
  try {
    await call(new PortManager(repository, { passOver: 'none' }))
  } finally {
    await repository.close()
    proxy.close()
  }
  const text = last && texts.get(last.name)
  if (text === undefined) throw new Error('The registry sent no statement with values')
  return { ...last!, text }
}

/** https://www.postgresql.org/docs/current/protocol-message-formats.html */
function messageReader(onMessage: (type: string, content: Buffer) => void) {
  let unread = Buffer.alloc(0)
  // The first message has no type.
  let head = 0
  return (bytes: Buffer) => {
    unread = Buffer.concat([unread, bytes])
    while (unread.length >= head + 4) {
      const end = head + unread.readInt32BE(head)
      if (unread.length < end) return
      onMessage(unread.toString('latin1', 0, head), unread.subarray(head + 4, end))
      unread = unread.subarray(end)
      head = 1
    }
  }
}

/** Name and text, each with a NUL at its end. */
function readParse(content: Buffer, texts: Map<string, string>) {
  const [name = '', text = ''] = content.toString().split('\0', 2)
  texts.set(name, text)
}

/** Portal, name, the formats and then the values, each with its length; -1 is null. */
function readBind(content: Buffer) {
  const portalEnd = content.indexOf(0)
  const nameEnd = content.indexOf(0, portalEnd + 1)
  const name = content.toString('utf8', portalEnd + 1, nameEnd)
  let at = nameEnd + 1 + 2 + 2 * content.readInt16BE(nameEnd + 1)
  const count = content.readInt16BE(at)
  at += 2
  const values = Array.from({ length: count }, () => {
    const length = content.readInt32BE(at)
    const start = at + 4
    at = start + Math.max(length, 0)
    return length === -1 ? null : content.toString('utf8', start, at)
  })
  return { name, values }
}
