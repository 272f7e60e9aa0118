// Cleans up after a run, even if it was killed: ends its processes, unmounts its file systems and
// removes its files. Standard input has lines of JSON, of which the last one counts. The run is over
// when standard input ends.
//
// { "marks": texts in the command lines of its processes, "mounts", "files" }
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'

const ROUNDS = 40
/** A server removes its shared memory if it shuts down normally. */
const SIGINT_ROUNDS = 15

let last = '{"marks":[],"mounts":[],"files":[]}'
for await (const line of createInterface({ input: process.stdin })) last = line
const { marks, mounts, files }: { marks: string[]; mounts: string[]; files: string[] } =
  JSON.parse(last)

for (let round = 0; round < ROUNDS; round++) {
  const pids = processes()
    .filter(({ command }) => marks.some((mark) => command.includes(mark)))
    .map(({ pid }) => pid)
  if (pids.length === 0) break
  for (const pid of pids) {
    try {
      process.kill(pid, round < SIGINT_ROUNDS ? 'SIGINT' : 'SIGKILL')
      // A stopped process does not handle signals.
      process.kill(pid, 'SIGCONT')
    } catch {
      // The process has just ended.
    }
  }
  await sleep(200)
}
for (const mount of mounts) spawnSync('umount', ['--lazy', mount])
for (const file of files) rmSync(file, { recursive: true, force: true, maxRetries: 10 })

function processes() {
  const found: { pid: number; command: string }[] = []
  if (!existsSync('/proc/self')) {
    const lines = spawnSync('ps', ['-axww', '-o', 'pid=,args=']).stdout.toString().split('\n')
    for (const line of lines) found.push({ pid: Number.parseInt(line, 10), command: line })
    return found
  }
  for (const name of readdirSync('/proc')) {
    const pid = Number(name)
    if (!(pid > 0) || pid === process.pid) continue
    try {
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ')
      found.push({ pid, command })
    } catch {
      // The process has just ended.
    }
  }
  return found
}
