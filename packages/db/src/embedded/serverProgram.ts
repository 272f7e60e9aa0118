import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { runAs, type ServerAccount } from './serverAccount.js'

type Stdio = readonly ('ignore' | 'pipe' | number)[]

const O_CLOEXEC = 0o2000000

/**
 * Starts one of PostgreSQL's programs as a process that may outlive this one. The process inherits
 * no terminal, whose Ctrl-C is not meant for it, no working directory, no environment variable
 * except PATH, and no open file except those given.
 */
export function spawnProgram(
  program: string,
  args: readonly string[],
  account: ServerAccount,
  stdio: Stdio,
): ChildProcess {
  const nothing = openSync('/dev/null', 'r+')
  try {
    return spawn(program, args, {
      cwd: '/',
      detached: true,
      env: { LC_ALL: 'C', TZ: 'UTC', PATH: process.env.PATH },
      stdio: replaceInherited(stdio, nothing),
      ...runAs(account),
    })
  } finally {
    closeSync(nothing)
  }
}

/**
 * In its children, Node closes the files that it opened itself, but only about the first sixteen of
 * those that it inherited. A caller's lock (flock) or pipe would stay open as long as the server
 * runs.
 */
function replaceInherited(stdio: Stdio, nothing: number): Stdio[number][] {
  const inherited = openDescriptors().filter(
    (descriptor) => descriptor >= stdio.length && descriptor !== nothing,
  )
  const last = Math.max(stdio.length - 1, ...inherited)
  return Array.from({ length: last + 1 }, (_, descriptor) =>
    inherited.includes(descriptor) ? nothing : (stdio[descriptor] ?? 'ignore'),
  )
}

/** The descriptors of this process that a child would inherit. */
function openDescriptors(): number[] {
  const isLinux = process.platform === 'linux'
  const directory = isLinux ? '/proc/self/fd' : '/dev/fd'
  // Without /proc they cannot be known.
  if (!existsSync(directory)) return []
  return readdirSync(directory)
    .map(Number)
    .filter((descriptor) => !isLinux || isInherited(descriptor))
}

/** proc_pid_fdinfo(5): the flags are in octal. */
function isInherited(descriptor: number): boolean {
  try {
    const info = readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8')
    const flags = Number.parseInt(/^flags:\s*(\d+)/m.exec(info)?.[1] ?? '0', 8)
    return (flags & O_CLOEXEC) === 0
  } catch {
    // This descriptor was the one through which the directory was read.
    return false
  }
}
