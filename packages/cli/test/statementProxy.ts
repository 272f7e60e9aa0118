import { FaultyProxy, textsIn } from '@ports/testkit'

export interface StatementProxy extends AsyncDisposable {
  /** The database behind it. */
  readonly url: string
  /** The statements that were sent since this was last called, each of which is a round trip. */
  takeStatements(): string[]
}

/** A proxy that records the statements that are sent to the database behind it. */
export async function statementProxy(url: string): Promise<StatementProxy> {
  let statements: string[] = []
  const proxy = new FaultyProxy(url, {
    onRequest: (type, body) => {
      const [first = '', second = ''] = textsIn(body)
      if (type === 'Q') statements.push(first)
      // Parse: the name of the prepared statement comes first.
      if (type === 'P') statements.push(second)
    },
  })
  await proxy.up()
  return {
    url: proxy.url,
    takeStatements() {
      const taken = statements
      statements = []
      return taken
    },
    [Symbol.asyncDispose]: () => proxy.down(),
  }
}
