import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { freshHome, inHome, once, open, place } from './homes.js'

/** A directory for `XDG_CONFIG_HOME` whose settings file has that content. */
function settings(content: object): string {
  const directory = place()
  mkdirSync(join(directory, 'ports'))
  writeFileSync(join(directory, 'ports', 'config.json'), JSON.stringify(content))
  return directory
}

describe('a new embedded registry', () => {
  it('begins without the default ranges where they are not wanted', async () => {
    const home = freshHome()
    const XDG_CONFIG_HOME = settings({ defaultRanges: false })
    const program = open({ env: { PORTS_HOME: home, XDG_CONFIG_HOME } })
    const { error } = await program.get('consilio', 'api')
    expect(error).toMatchObject({ code: 'PROJECT_NOT_FOUND' })
    expect(error!.message).toContain('no project has one')
    await program.end()
    // Programs that use the directory then get none of them either.
    const later = await once(inHome(home), (other) => other.get('consilio', 'api'))
    expect(later.error).toMatchObject({ code: 'PROJECT_NOT_FOUND' })
  })

  it('is made by openRepository, also for a call that only reads', async () => {
    const listed = await once(inHome(freshHome()), (program) => program.list())
    expect(listed).toMatchObject({ result: [] })
  })
})
