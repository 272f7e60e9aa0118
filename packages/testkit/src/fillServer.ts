import pg from 'pg'

/**
 * Opens sessions of an embedded server's callers until it takes no more. They end when disposed of.
 */
export async function fillServer(
  socketDirectory: string,
): Promise<AsyncDisposable & { count: number }> {
  const sessions: pg.Client[] = []
  const fill = async () => {
    for (;;) {
      const client = new pg.Client({
        host: socketDirectory,
        user: 'ports_caller',
        database: 'postgres',
      })
      client.on('error', () => {})
      try {
        await client.connect()
      } catch (error) {
        if ((error as { code?: string }).code === '53300') return
        throw error
      }
      sessions.push(client)
    }
  }
  const end = async () => {
    await Promise.all(sessions.map((client) => client.end()))
  }
  await fill().catch(async (error) => {
    await end()
    throw error
  })
  return { count: sessions.length, [Symbol.asyncDispose]: end }
}
