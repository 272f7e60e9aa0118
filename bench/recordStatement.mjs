import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { PortManager } from '@ports/core'
import { openRepository } from '@ports/db'
import pg from 'pg'

/**
 * What the registry sends to the server for a call, as it is on the wire, so that the baseline runs
 * that very statement, whatever it is by then. Of several, the last: the one that does the work.
 * @param {string} url of the registry's database
 * @param {(ports: PortManager) => Promise<unknown>} call
 * @returns {Promise<{ name: string, text: string, values: (string | null)[] }>}
 */
export async function recordStatement(url, call) {
  const { host, port, database, user } = new pg.Client({ connectionString: url })
  const texts = new Map()
  let last
  const proxy = createServer((client) => {
    const server = connect(
      host.startsWith('/') ? { path: `${host}/.s.PGSQL.${port}` } : { host, port },
    )
    server.pipe(client)
    let unread = Buffer.alloc(0)
    let greeted = false
    client.on('data', (bytes) => {
      server.write(bytes)
      unread = Buffer.concat([unread, bytes])
      // The first message has no type: https://www.postgresql.org/docs/current/protocol-message-formats.html
      for (let head = greeted ? 1 : 0; unread.length >= head + 4; head = 1) {
        const length = head + unread.readInt32BE(head)
        if (unread.length < length) return
        const content = unread.subarray(head + 4, length)
        if (greeted && unread[0] === 0x50) readParse(content, texts)
        if (greeted && unread[0] === 0x42) last = readBind(content)
        greeted = true
        unread = unread.subarray(length)
      }
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
  const repository = await openRepository({
    url: `postgresql://${user}@127.0.0.1:${proxy.address().port}/${database}`,
  })
  try {
    await call(new PortManager(repository))
  } finally {
    await repository.close()
    proxy.close()
  }
  if (!last) throw new Error('the registry sent no statement with values')
  return { name: last.name, text: texts.get(last.name), values: last.values }
}

/** Name and text, each with a NUL at its end. */
function readParse(content, texts) {
  const [name, text] = content.toString().split('\0', 2)
  texts.set(name, text)
}

/** Portal, name, the formats and then the values, each with its length; -1 is null. */
function readBind(content) {
  const portalEnd = content.indexOf(0)
  const nameEnd = content.indexOf(0, portalEnd + 1)
  const name = content.toString('utf8', portalEnd + 1, nameEnd)
  let at = nameEnd + 1 + 2 + 2 * content.readInt16BE(nameEnd + 1)
  const values = []
  const count = content.readInt16BE(at)
  at += 2
  for (let index = 0; index < count; index++) {
    const length = content.readInt32BE(at)
    at += 4
    values.push(length === -1 ? null : content.toString('utf8', at, at + length))
    at += Math.max(length, 0)
  }
  return { name, values }
}
