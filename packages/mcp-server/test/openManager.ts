import { PortManager } from '@ports/core'
import { openRepository } from '@ports/db'
import { onTestFinished } from 'vitest'

/** For what no tool does, on the database of the server under test. */
export async function openManager(url: string): Promise<PortManager> {
  const repository = await openRepository({ url })
  onTestFinished(() => repository.close())
  return new PortManager(repository)
}
