import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** An empty directory, for the length of a test. */
export function freshDirectory(): string {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'ports-mcp-')))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}
