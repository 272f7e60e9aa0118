import { lstatSync, readdirSync, readFileSync, realpathSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { defaultHome, registryHome } from './registryHome.js'
import { rootDirectory } from './serverAccount.js'

const PASSWD = '/etc/passwd'

/** An embedded registry on this machine that is not the one of this process. */
export interface OtherRegistry {
  /** The directory of its data. */
  readonly directory: string
  readonly user: string
}

/**
 * The registries of this machine's users in their default places, and root's, as far as this
 * process can see them. Opens none of them.
 */
export async function otherRegistries(): Promise<OtherRegistry[]> {
  const own = realPath(join(await registryHome(), 'data'))
  const found = new Map<string, OtherRegistry>()
  for (const { user, home } of usersIn(PASSWD)) note(user, join(home, '.local', 'share', 'ports'))
  for (const name of namesIn(rootDirectory)) note('root', join(rootDirectory, name))
  return [...found.values()]

  function note(user: string, directory: string): void {
    const data = realPath(join(directory, 'data'))
    if (data === undefined || data === own || found.has(data)) return
    found.set(data, { user, directory })
  }
}

/** The home of the registry in the default directory, if that is not this home. */
export async function otherDefaultRegistry(home: string): Promise<string | undefined> {
  const other = await defaultHome().catch(() => undefined)
  if (other === undefined || realPath(other) === realPath(home)) return undefined
  return realPath(join(other, 'data')) === undefined ? undefined : other
}

function usersIn(file: string): { user: string; home: string }[] {
  return textOf(file)
    .split('\n')
    .map((line) => line.split(':'))
    .map(([user = '', , , , , home = '']) => ({ user, home }))
    .filter(({ home }) => isAbsolute(home))
}

/** Undefined if there is nothing, or nothing that this process may see. */
function realPath(path: string): string | undefined {
  try {
    lstatSync(path)
  } catch {
    return undefined
  }
  try {
    return realpathSync(path)
  } catch {
    // A link to a place that this process may not enter.
    return path
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
