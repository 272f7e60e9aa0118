import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'
import { isAccepting } from '../../src/embedded/serverConnection.js'
import { SOCKET_PORT, socketDirectory } from '../../src/embedded/socketDirectory.js'

// A message of PostgreSQL's protocol: a type, a length, the content.
function message(type: string, content: Buffer): Buffer {
  const head = Buffer.alloc(5)
  head.write(type)
  head.writeInt32BE(content.length + 4, 1)
  return Buffer.concat([head, content])
}

const READY = Buffer.concat([message('R', Buffer.alloc(4)), message('Z', Buffer.from('I'))])
const TERMINATED = message('E', Buffer.from('SFATAL\0VFATAL\0C57P01\0Mterminating connection\0\0'))

it('a server that ends while it is looked for ends nobody else', async () => {
  const data = join(mkdtempSync(join(tmpdir(), 'ports-')), 'data')
  const directory = socketDirectory(data)
  mkdirSync(data)
  mkdirSync(directory, { mode: 0o700 })
  onTestFinished(() => rmSync(join(data, '..'), { recursive: true }))
  let visitors = 0
  const server = createServer((client) => {
    visitors++
    client.on('error', () => {})
    client.once('data', () => client.end(Buffer.concat([READY, TERMINATED])))
  })
  await new Promise<void>((resolve) => {
    server.listen(join(directory, `.s.PGSQL.${SOCKET_PORT}`), resolve)
  })
  onTestFinished(() => void server.close())

  await expect(isAccepting(data)).resolves.toBeTypeOf('boolean')
  await vi.waitUntil(() => visitors === 1)
})
