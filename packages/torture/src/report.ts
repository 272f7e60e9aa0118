import { describeMachine } from '@ports/testkit'
import type { Options } from './options.js'
import type { Outcome } from './Torture.js'

/** A run of this length must inject each fault at least once. */
const MIN_SECONDS_FOR_EACH_FAULT = 100

/** Renders a run in Markdown. */
export function report(outcome: Outcome, options: Options) {
  const { found, exhausted, mismatches, returns, slowest, faults, corrupt, crashes, examples } =
    outcome
  const lines = [
    machine(outcome.serverVersion, options),
    `${outcome.lasted} s of faults${outcome.wasInterrupted ? `, interrupted (${options.seconds} s were asked for)` : ''}.`,
    ...table('acknowledged', { ...outcome.acknowledged, 'in all': sum(outcome.acknowledged) }),
    ...table('returned errors', outcome.errors),
    ...table('faults', { ...faults, 'in all': sum(faults) }),
    ...table('violations', found),
    '',
    `${outcome.unanswered} calls got no reply because their process was killed. ` +
      `${outcome.resolved} services had an unknown outcome at the end and were resolved with getOrAllocate.`,
    `RANGE_EXHAUSTED was returned ${exhausted.refused} times, ${exhausted.decided} of them without an ` +
      `unknown outcome that could explain it. Slowest call: ${(slowest / 1e6).toFixed(1)} s.`,
    `LAYOUT_MISMATCH was returned ${mismatches.refused} times, ${mismatches.decided} of them to a service ` +
      'that certainly held another layout.',
    `A resting number had to be returned to its last holder ${returns} times.`,
    `After the faults, each of the ${outcome.recovered.asked} running workers made one more call.`,
    corrupt === undefined
      ? 'This server has no amcheck: tables and indexes were not checked.'
      : `amcheck: ${corrupt.checked} tables and indexes checked.`,
    ...options.missing.map((what) => `Not supported on this machine: ${what}.`),
    ...network(options),
    ...gaps(outcome).flatMap(paragraph),
    ...examples.flatMap(({ kind, details }) => paragraph(`${kind}: ${JSON.stringify(details)}`)),
    ...crashes.slice(0, 3).flatMap((crash) => paragraph(`crashed: ${JSON.stringify(crash)}`)),
    ...failures(outcome),
    ...(corrupt?.found.slice(0, 3) ?? []).flatMap((text) => paragraph(`corrupt: ${text}`)),
    ...(outcome.histories === undefined
      ? []
      : paragraph(`The histories are in ${outcome.histories}`)),
  ]
  return `${lines.join('\n')}\n`
}

/** Renders one line for each fault. */
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
    '| fault | times | acknowledged | returned errors | slowest call, s | violations |',
    '|---|---:|---:|---:|---:|---|',
    ...rows,
    '',
    'RANGE_EXHAUSTED is not counted as an error.',
    ...network(options),
    ...options.missing.map((what) => `Not supported on this machine: ${what}.`),
    ...outcomes.flatMap(({ name, outcome }) => {
      const { examples, crashes, histories } = outcome
      return [
        ...examples.flatMap(({ kind, details }) =>
          paragraph(`${name}: ${kind}: ${JSON.stringify(details)}`),
        ),
        ...failures(outcome),
        ...crashes.slice(0, 2).flatMap((crash) => paragraph(`${name}: ${JSON.stringify(crash)}`)),
        ...(histories === undefined
          ? []
          : paragraph(`The histories of ${name} are in ${histories}`)),
      ]
    }),
  ]
  return `${lines.join('\n')}\n`
}

function machine(serverVersion: string, { processes, pause, sabotage }: Options) {
  return (
    `${describeMachine()}, Node ${process.version}, PostgreSQL ${serverVersion}; ` +
    `${processes} processes, a fault every ${pause} ms` +
    `${sabotage === undefined ? '' : `, sabotaged: ${sabotage}`}.`
  )
}

/** The reasons to fail a run without violations. */
export function gaps({ worked, lasted, faults }: Outcome) {
  const idle = Object.keys(faults).filter((name) => faults[name] === 0)
  return [
    ...(worked === 0 ? ['No call succeeded.'] : []),
    ...(lasted >= MIN_SECONDS_FOR_EACH_FAULT && idle.length > 0
      ? [`Never injected: ${idle.join(', ')}.`]
      : []),
  ]
}

function failures({ recovered, hung }: Outcome) {
  return [
    ...recovered.failures.slice(0, 3).map((text) => `did not recover: ${text}`),
    ...hung.slice(0, 3).map((name) => `hung: ${name}`),
  ].flatMap(paragraph)
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

function paragraph(text: string) {
  return ['', text]
}
