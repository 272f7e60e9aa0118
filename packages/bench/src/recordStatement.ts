import { PortManager } from '@ports/core'
import { openRepository } from '@ports/db'
import { FaultyProxy, textsIn } from '@ports/testkit'

export interface Statement {
  readonly name: string
  readonly text: string
  readonly values: readonly (string | null)[]
}

/**
 * Records what the registry sends to the server for a call, so that the baseline runs the same
 * statement. If there are several, the last one counts, because it does the work.
 * @param url the registry's database
 */
export async function recordStatement(
  url: string,
  call: (ports: PortManager) => Promise<unknown>,
): Promise<Statement> {
  const texts = new Map<string, string>()
  let last: Statement | undefined
  const proxy = new FaultyProxy(url, {
    onRequest(type, body) {
      const [first = '', second = ''] = textsIn(body)
      if (type === 'P') texts.set(first, second)
      if (type === 'B') last = { name: second, text: texts.get(second)!, values: valuesIn(body) }
    },
  })
  await proxy.up()
  const { username, password } = new URL(url)
  const proxied = Object.assign(new URL(proxy.url), { username, password })
  const repository = await openRepository({ url: proxied.href })
  try {
    await call(new PortManager(repository, { passOver: 'none' }))
  } finally {
    await repository.close()
    await proxy.down()
  }
  if (!last) throw new Error('The registry sent no statement with values')
  return last
}

/** A Bind has two names, the formats and then the values, each with its length; -1 is null. */
function valuesIn(body: Buffer) {
  let at = body.indexOf(0, body.indexOf(0) + 1) + 1
  at += 2 + 2 * body.readInt16BE(at)
  const count = body.readInt16BE(at)
  at += 2
  return Array.from({ length: count }, () => {
    const length = body.readInt32BE(at)
    const start = at + 4
    at = start + Math.max(length, 0)
    return length === -1 ? null : body.toString('utf8', start, at)
  })
}
