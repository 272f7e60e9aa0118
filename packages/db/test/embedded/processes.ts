import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { expect } from 'vitest'
import type { DatabaseStatus } from '../../src/index.js'

function childrenOf(parent: number): number[] {
  return everyProcess().flatMap((one) => (one.parent === parent ? [one.pid] : []))
}

function everyProcess(): { pid: number; parent: number }[] {
  if (process.platform !== 'linux') {
    const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' })
    return stdout.split('\n').map((row) => {
      const [pid, parent] = row.trim().split(/ +/).map(Number)
      return { pid: pid!, parent: parent! }
    })
  }
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        // proc_pid_stat(5): after the command in parentheses come the state and the parent.
        const [, parent] = /\) \w (\d+) /.exec(readFileSync(`/proc/${name}/stat`, 'utf8')) ?? []
        return [{ pid: Number(name), parent: Number(parent) }]
      } catch {
        return []
      }
    })
}

/** One of the server's own processes, such as its checkpointer. */
export function childOf(pid: number): number {
  return childrenOf(pid)[0]!
}

/** Kills the server and its processes at once, so that none of them can react. */
export function killServer({ pid }: DatabaseStatus): void {
  const children = childrenOf(pid!)
  expect(children.length, 'processes of the server').toBeGreaterThan(1)
  process.kill(pid!, 'SIGKILL')
  for (const child of children) if (isAlive(child)) process.kill(child, 'SIGKILL')
}

export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** The servers that have that data directory, not counting the processes that they made. */
export function serversOf(data: string): number[] {
  return running(`postgres -D ${data} `)
}

/** The processes with that in their command line. */
export function running(command: string): number[] {
  const { stdout } = spawnSync('ps', ['-A', '-ww', '-o', 'pid=,args='], { encoding: 'utf8' })
  return stdout.split('\n').flatMap((row) => {
    const [, pid, args] = /^ *(\d+) (.*)$/.exec(row) ?? []
    return args?.includes(command) ? [Number(pid)] : []
  })
}
