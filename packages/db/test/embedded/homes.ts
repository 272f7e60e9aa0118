import { chownSync, mkdirSync, rmSync, watch } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Account, tempDirectory } from '@ports/testkit'
import { expect, onTestFinished } from 'vitest'
import type { DatabaseStatus } from '../../src/index.js'
import { type Answer, RegistryProgram, type Setting } from './RegistryProgram.js'

/** A directory for a registry's home, which every account can enter. */
export function place(): string {
  const directory = tempDirectory('ports-embedded-')
  onTestFinished(() => rmSync(directory, { recursive: true, force: true, maxRetries: 10 }))
  return directory
}

/** A home that never had a registry. Its content is removed when the test ends. */
export function freshHome(name = 'home', mode = 0o755, owner?: Account): string {
  return homeIn(place(), name, mode, owner)
}

/** The same in an existing directory. */
export function homeIn(directory: string, name = 'home', mode = 0o755, owner?: Account): string {
  const home = join(directory, name)
  mkdirSync(home, { recursive: true, mode })
  if (owner) chownSync(home, owner.uid, owner.gid)
  onTestFinished(() => removeRegistry(home, owner))
  return home
}

/** Runs as the owner, because root uses no registry of another user. */
export async function removeRegistry(home: string, owner?: Account): Promise<void> {
  const program = new RegistryProgram(inHome(home, owner))
  const { result: status } = await program.status()
  if (status?.running) await program.stop()
  await program.end()
  // The home has only a link to data elsewhere.
  const { dataDirectory } = status ?? {}
  if (dataDirectory) rmSync(dirname(dataDirectory), { recursive: true, force: true })
}

export function open(setting: Setting): RegistryProgram {
  const program = new RegistryProgram(setting)
  onTestFinished(() => program.end('SIGKILL'))
  return program
}

/** Starts a program for one call. */
export async function once<Result>(
  setting: Setting,
  ask: (program: RegistryProgram) => Promise<Answer<Result>>,
): Promise<Answer<Result>> {
  const program = open(setting)
  const answer = await ask(program)
  await program.end()
  return answer
}

export const inHome = (home: string, as?: Account, through?: readonly string[]): Setting => ({
  env: { PORTS_HOME: home },
  as,
  through,
})

export const getApi = (program: RegistryProgram) => program.get('consilio', 'api')
export const statusOf = async (setting: Setting): Promise<DatabaseStatus> =>
  (await once(setting, (program) => program.status())).result!

/** Creates a registry with the api's port in it, and returns its status. */
export async function makeRegistry(setting: Setting): Promise<DatabaseStatus> {
  const program = open(setting)
  const { error, result } = await getApi(program)
  expect({ error, result }).toEqual({ result: 3100 })
  const status = await program.status()
  await program.end()
  return status.result!
}

/** Checks that the registry still has the api's port. */
export async function expectApiKept(setting: Setting): Promise<void> {
  expect(await once(setting, getApi)).toEqual({ result: 3100, notices: [] })
}

export function expectRefusal(
  { error }: Answer<unknown>,
  code: string,
  ...parts: (string | RegExp)[]
) {
  expect(error).toMatchObject({ isPortsError: true, code })
  for (const part of parts) expect(error!.message).toMatch(part)
}

/** Resolves when a file of that name appears in the directory. */
export function appearance(directory: string, name: RegExp): Promise<void> {
  return new Promise((resolve) => {
    const watcher = watch(directory, (_event, file) => {
      if (file !== null && name.test(file)) resolve()
    })
    onTestFinished(() => watcher.close())
  })
}
