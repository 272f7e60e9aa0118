import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const RUN = fileURLToPath(new URL('../dist/run.js', import.meta.url))
/** A run finds the defect nearly always, one of three runs always. */
const RUNS = 3
/** Harmless faults. */
const QUICK_RUN = ['--only', 'manual-writes', '--seconds', '4']

/** These runs are long enough for leases and rests to end. */
const LONG_RUN = ['--only', 'manual-writes', '--seconds', '15', '--processes', '5']

interface Outcome {
  readonly status: number
  readonly report: string
  readonly stderr: string
}

async function torture(args: readonly string[]): Promise<Outcome> {
  const child = spawn(process.execPath, [RUN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const said = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text) => {
      said[stream] += text
    })
  }
  const [status] = await once(child, 'close')
  removeHistories(said.stdout)
  return { status, report: said.stdout, stderr: said.stderr }
}

/** Histories are kept if something is wrong. */
function removeHistories(report: string): void {
  const directory = /^The histories are in (.+)$/m.exec(report)?.[1]
  if (directory && existsSync(directory)) rmSync(directory, { recursive: true })
}

function countOf(kind: string, report: string): number {
  return Number(
    report
      .split('\n')
      .find((line) => line.startsWith(`| ${kind} |`))
      ?.split('|')[2],
  )
}

async function findsWrong(kind: string, args: readonly string[]): Promise<void> {
  let outcome: Outcome | undefined
  for (let run = 0; run < RUNS; run++) {
    outcome = await torture(args)
    if (countOf(kind, outcome.report) > 0) break
  }
  expect(countOf(kind, outcome!.report), JSON.stringify(outcome)).toBeGreaterThan(0)
  expect(outcome!.status).toBe(1)
}

it('finds acknowledged changes that are lost if commits are acknowledged before they are on disk', async () => {
  const args = ['--only', 'postmaster-killed', '--seconds', '6', '--pause', '900']
  await findsWrong('acknowledged and lost', ['--sabotage', 'unsafe-commit', ...args])
}, 120_000)

it('finds ports that two services hold if there is no unique index', async () => {
  await findsWrong('held by two at once', ['--sabotage', 'no-unique', ...QUICK_RUN])
}, 120_000)

it('finds ports that two services hold if the slot is not locked', async () => {
  await findsWrong('held by two at once', ['--sabotage', 'no-lock', ...QUICK_RUN])
}, 120_000)

it('finds releases that leave no event', async () => {
  const args = ['--sabotage', 'event-forgotten', ...QUICK_RUN, '--seconds', '10']
  await findsWrong('acknowledged change without its event', args)
}, 120_000)

it('finds events that are written twice', async () => {
  const args = ['--sabotage', 'event-doubled', ...QUICK_RUN]
  await findsWrong('event without a change', args)
}, 120_000)

it('finds calls that wait for another project if all share one lock', async () => {
  const args = ['--only', 'project-stuck', '--seconds', '15', '--processes', '6']
  await findsWrong('waited for an unrelated transaction', ['--sabotage', 'one-lock', ...args])
}, 120_000)

it('finds calls that wait for a role without rights if any role can take that lock', async () => {
  const args = ['--only', 'advisory-locks', '--seconds', '9', '--processes', '6']
  await findsWrong('waited for an unrelated transaction', ['--sabotage', 'one-lock', ...args])
}, 120_000)

it('finds the scopes of removed hosts if none are deleted', async () => {
  const args = ['--only', 'host-name-churn', '--seconds', '6', '--processes', '6']
  await findsWrong('scope of a removed host that was not collected', [
    '--sabotage',
    'no-collect',
    ...args,
  ])
}, 120_000)

it('finds batches that are incomplete', async () => {
  await findsWrong('incomplete batch', ['--sabotage', 'half-batch', ...QUICK_RUN])
}, 120_000)

it('finds reserved numbers that are allocated', async () => {
  await findsWrong('reserved number allocated', [
    '--sabotage',
    'reservations-ignored',
    ...QUICK_RUN,
  ])
}, 120_000)

it('finds reserved numbers that are taken by calls that do not ask for them', async () => {
  await findsWrong('reserved number allocated', [
    '--sabotage',
    'reservations-unrefused',
    ...QUICK_RUN,
    '--seconds',
    '10',
  ])
}, 120_000)

it('finds reservations that leave no event', async () => {
  const args = ['--sabotage', 'reservation-unnoted', ...QUICK_RUN]
  await findsWrong('acknowledged change without its event', args)
}, 120_000)

it('finds moves that release in one transaction and allocate in another', async () => {
  await findsWrong('move that was not atomic', ['--sabotage', 'move-in-parts', ...QUICK_RUN])
}, 120_000)

it('finds leases that are renewed after their end', async () => {
  await findsWrong('lease renewed after its end', ['--sabotage', 'renewed-late', ...LONG_RUN])
}, 120_000)

it('finds leases that end early', async () => {
  await findsWrong('false LEASE_LOST', ['--sabotage', 'lease-cut', ...LONG_RUN])
}, 120_000)

it('finds moves that lose the lease', async () => {
  const args = ['--sabotage', 'moved-without-lease', ...LONG_RUN]
  await findsWrong('lease with the wrong end', args)
}, 120_000)

it('finds leases that end without an event', async () => {
  await findsWrong('acknowledged change without its event', [
    '--sabotage',
    'lease-end-unnoted',
    ...LONG_RUN,
  ])
}, 120_000)

it('finds limits that concurrent calls exceed', async () => {
  const args = ['--sabotage', 'limits-unlocked', ...LONG_RUN]
  await findsWrong('more ports held than the limit', args)
}, 120_000)

it('finds limits per minute that do not count every allocation', async () => {
  await findsWrong('more ports given in a minute than the limit', [
    '--sabotage',
    'minutes-uncounted',
    ...LONG_RUN,
  ])
}, 120_000)

it('finds limits of actors that do not count every held port', async () => {
  const args = ['--sabotage', 'actors-uncounted', ...LONG_RUN]
  await findsWrong('more ports held than the limit', args)
}, 120_000)

it('finds resting numbers that are given to others', async () => {
  await findsWrong('given before its rest was over', ['--sabotage', 'rests-ignored', ...LONG_RUN])
}, 120_000)

it('finds resting numbers that are not returned to their last holder', async () => {
  await findsWrong('resting number not returned to its service', [
    '--sabotage',
    'rests-for-nobody',
    ...LONG_RUN,
  ])
}, 120_000)

it('finds numbers that are given on another host than the one of their range', async () => {
  await findsWrong('outside its range', [
    '--sabotage',
    'host-ignored',
    ...QUICK_RUN,
    '--seconds',
    '8',
  ])
}, 120_000)

it('finds dumps with events that are newer than their allocations', async () => {
  const args = ['--only', 'dumps', '--seconds', '6']
  await findsWrong('dump that is not a snapshot', ['--sabotage', 'dump-in-parts', ...args])
}, 120_000)
