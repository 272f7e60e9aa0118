import { cpus, totalmem } from 'node:os'
import type { Options } from './options.js'
import type { Outcome } from './Torture.js'

/** Long enough for each fault to be done at least once. */
const LONG_ENOUGH_S = 100

/** In Markdown. */
export function report(outcome: Outcome, options: Options) {
  const { found, exhausted, mismatches, returns, slowest, faults, corrupt, crashes, examples } =
    outcome
  const lines = [
    machine(outcome.serverVersion, options),
    `${outcome.lasted} s of faults${outcome.wasInterrupted ? `, interrupted (${options.seconds} s were asked for)` : ''}.`,
    ...table('acknowledged', { ...outcome.acknowledged, 'in all': sum(outcome.acknowledged) }),
    ...table('told an error', outcome.errors),
    ...table('faults', { ...faults, 'in all': sum(faults) }),
    ...table('found wrong', found),
    '',
    `${outcome.unanswered} calls were told nothing, because their process was killed. ` +
      `${outcome.resolved} services were in doubt at the end, and getOrAllocate was asked for each.`,
    `RANGE_EXHAUSTED was told ${exhausted.refused} times, ${exhausted.decided} of them where no call of ` +
      `unknown outcome in that range made it unclear. Slowest call: ${(slowest / 1e6).toFixed(1)} s.`,
    `LAYOUT_MISMATCH was told ${mismatches.refused} times, ${mismatches.decided} of them where a service ` +
      'certainly held something else.',
    `A number that rested for its last holder was to be given back ${returns} times.`,
    `When the faults were over, each of the ${outcome.recovered.asked} workers that still ran was ` +
      'asked for one call more.',
    corrupt === undefined
      ? 'This server has no amcheck: tables and indexes were not checked.'
      : `amcheck: ${corrupt.checked} tables and indexes checked.`,
    ...options.missing.map((what) => `Not done on this machine: ${what}.`),
    ...network(options),
    ...shortcomings(outcome).flatMap(apart),
    ...examples.flatMap(({ kind, details }) => apart(`${kind}: ${JSON.stringify(details)}`)),
    ...crashes.slice(0, 3).flatMap((crash) => apart(`crashed: ${JSON.stringify(crash)}`)),
    ...complaints(outcome),
    ...(corrupt?.found.slice(0, 3) ?? []).flatMap((text) => apart(`corrupt: ${text}`)),
    ...(outcome.histories === undefined ? [] : apart(`The histories are in ${outcome.histories}`)),
  ]
  return `${lines.join('\n')}\n`
}

/** One line for each fault. */
export function reportEach(outcomes: { name: string; outcome: Outcome }[], options: Options) {
  const rows = outcomes.map(({ name, outcome }) => {
    const wrong = Object.entries(outcome.found).filter(([, count]) => count > 0)
    const cells = [
      name,
      outcome.faults[name],
      sum(outcome.acknowledged),
      sum(outcome.errors) - rangeExhausted(outcome.errors),
      (outcome.slowest / 1e6).toFixed(1),
      wrong.map(([kind, count]) => `${count} ${kind}`).join(', ') || 0,
    ]
    return `| ${cells.join(' | ')} |`
  })
  const version = outcomes[0]?.outcome.serverVersion ?? 'none'
  const lines = [
    machine(version, options),
    `Each fault alone for ${options.seconds} s.`,
    '',
    '| fault | times | acknowledged | told an error | slowest call, s | found wrong |',
    '|---|---:|---:|---:|---:|---|',
    ...rows,
    '',
    'Errors are counted without RANGE_EXHAUSTED, which is an answer.',
    ...network(options),
    ...options.missing.map((what) => `Not done on this machine: ${what}.`),
    ...outcomes.flatMap(({ name, outcome }) => {
      const { examples, crashes, histories } = outcome
      return [
        ...examples.flatMap(({ kind, details }) =>
          apart(`${name}: ${kind}: ${JSON.stringify(details)}`),
        ),
        ...complaints(outcome),
        ...crashes.slice(0, 2).flatMap((crash) => apart(`${name}: ${JSON.stringify(crash)}`)),
        ...(histories === undefined ? [] : apart(`The histories of ${name} are in ${histories}`)),
      ]
    }),
  ]
  return `${lines.join('\n')}\n`
}

function machine(serverVersion: string, { processes, pause, sabotage }: Options) {
  return (
    `${new Date().toISOString().slice(0, 10)}, ${cpus()[0]?.model.trim()}, ${cpus().length} cores, ` +
    `${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}, PostgreSQL ${serverVersion}; ` +
    `${processes} processes, a fault every ${pause} ms` +
    `${sabotage === undefined ? '' : `, sabotaged: ${sabotage}`}.`
  )
}

/** What makes a run prove less than it should: it is to fail, though nothing was found wrong. */
export function shortcomings({ worked, lasted, faults }: Outcome) {
  const idle = Object.keys(faults).filter((name) => faults[name] === 0)
  return [
    ...(worked === 0 ? ['No call was acknowledged.'] : []),
    ...(lasted >= LONG_ENOUGH_S && idle.length > 0 ? [`Never done: ${idle.join(', ')}.`] : []),
  ]
}

function complaints({ recovered, hung }: Outcome) {
  return [
    ...recovered.failures.slice(0, 3).map((text) => `did not recover: ${text}`),
    ...hung.slice(0, 3).map((name) => `hung: ${name}`),
  ].flatMap(apart)
}

function network({ faults }: Options) {
  if (!faults.some(({ name }) => name === 'network-lossy')) return []
  return ['The lossy network is emulated by a proxy, on the stream of bytes.']
}

function table(title: string, counts: Record<string, number>) {
  const rows = Object.entries(counts).map(([name, count]) => `| ${name} | ${count} |`)
  return ['', `| ${title} | |`, '|---|---:|', ...rows]
}

function sum(counts: Record<string, number>) {
  return Object.values(counts).reduce((total, count) => total + count, 0)
}

function rangeExhausted(errors: Record<string, number>) {
  return sum(
    Object.fromEntries(
      Object.entries(errors).filter(([told]) => told.startsWith('RANGE_EXHAUSTED')),
    ),
  )
}

function apart(text: string) {
  return ['', text]
}
