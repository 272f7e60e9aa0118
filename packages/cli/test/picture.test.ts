import { CLI, ended, environmentOn } from '@ports/testkit'
import { freshDatabase } from '@ports/testkit/vitest'
import { expect, test } from 'vitest'
import { type SessionLine, terminalPicture } from './terminalPicture.js'

const COMMANDS = [
  'ports get blog web --create-range',
  'ports get blog web',
  'ports get blog api worker',
  'ports list blog',
]

test('the picture of the README shows what the commands print', async () => {
  const environment = environmentOn(await freshDatabase())
  const lines: SessionLine[] = []
  for (const command of COMMANDS) {
    const script = `ports() { '${process.execPath}' '${CLI}' "$@"; }; exec 2>&1; ${command}`
    const { stdout } = await ended('sh', ['-c', script], environment)
    lines.push(
      { text: `$ ${command}`, isCommand: true },
      ...stdout
        .trimEnd()
        .split('\n')
        .map((text) => ({ text, isCommand: false })),
    )
  }
  await expect(terminalPicture(lines)).toMatchFileSnapshot('../../../docs/session.svg')
})
