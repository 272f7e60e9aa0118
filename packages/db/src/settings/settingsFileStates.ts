import { type Stats, statSync } from 'node:fs'
import { PortsError } from '@ports/core'
import { parseSettingsFile, validValues } from './settingsFile.js'
import { settingsFiles } from './settingsFiles.js'

/** A settings file that is there. */
export interface SettingsFileState {
  readonly file: string
  /** The fault of the file, and how to correct it. */
  readonly fault?: string
  /** Whether it contains a password that other users of this machine may read. */
  readonly showsPassword: boolean
}

export function settingsFileStates(
  files: readonly string[] = settingsFiles(),
): readonly SettingsFileState[] {
  return files.flatMap((file) => {
    const stats = statSync(file, { throwIfNoEntry: false })
    return stats === undefined ? [] : [stateOf(file, stats)]
  })
}

function stateOf(file: string, stats: Stats): SettingsFileState {
  let content: Readonly<Record<string, unknown>> = {}
  const read = () => {
    content = parseSettingsFile(file)
    validValues(file, content)
  }
  const fault = faultOf(read)
  return {
    file,
    ...(fault !== undefined && { fault }),
    showsPassword: othersCanRead(stats) && hasPassword(content.databaseUrl),
  }
}

function faultOf(read: () => void): string | undefined {
  try {
    read()
    return undefined
  } catch (error) {
    if (error instanceof PortsError) return error.message
    throw error
  }
}

/** The members of a group count as others, unless it is this user's own group. */
function othersCanRead({ mode, gid }: Stats): boolean {
  return (mode & 0o004) !== 0 || ((mode & 0o040) !== 0 && gid !== process.getgid?.())
}

function hasPassword(url: unknown): boolean {
  if (typeof url !== 'string' || !URL.canParse(url)) return false
  const { password, searchParams } = new URL(url)
  return password !== '' || searchParams.has('password')
}
