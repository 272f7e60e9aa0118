import { PortManager } from '@ports/core'
import { openRepository } from '@ports/db'
import { onTestFinished } from 'vitest'

/** A manager on the database of the server under test, for operations that no tool has. */
export async function openManager(url: string): Promise<PortManager> {
  const repository = await openRepository({ url })
  onTestFinished(() => repository.close())
  return new PortManager(repository)
}
