import { portsIn } from '@ports/testkit'
import { emptyDatabase, projectDirectory } from '@ports/testkit/vitest'
import { expect } from 'vitest'

/**
 * The output of `ports import --dry-run` in a directory with these files: the lines about rows, the
 * lines about what cannot be imported, and the total.
 */
export async function importPlan(
  files: Readonly<Record<string, string | object>>,
  args: readonly string[],
  more: Readonly<Record<string, string>> = {},
) {
  const ports = portsIn(projectDirectory(files), await emptyDatabase(), more)
  const { stdout, stderr } = await ports('import', '--dry-run', ...args)
  expect(stdout).toBe('')
  const lines = stderr.trimEnd().split('\n')
  const total = lines.pop()
  const withoutRange = (line: string) => line.replace(/: becomes a range of [\w.-]+/, '')
  const isNote = (line: string) => line.startsWith('- ')
  return {
    rows: lines.filter((line) => !isNote(line)).map(withoutRange),
    notes: lines.filter(isNote),
    total,
  }
}
