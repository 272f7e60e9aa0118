import type { Answer } from './Peer.js'

type Given = Answer & { readonly port: number }

/** Returns which services got a port, what failed, and how many ports two services got. */
export function checkAnswers(answers: readonly Answer[]) {
  const given = answers.filter(isGiven)
  const failed = answers.filter((answer) => !isGiven(answer))
  return {
    given,
    failures: failed.length,
    reasons: [...new Set(failed.map(({ error }) => error ?? 'no number'))],
    duplicates: given.length - new Set(given.map(({ port }) => port)).size,
  }
}

function isGiven(answer: Answer): answer is Given {
  const { port } = answer
  return port !== undefined && Number.isInteger(port) && port > 0 && port < 65_536
}

/** Returns how many services got the same port as before, and how many another. */
export function compareAnswers(before: readonly Answer[], again: readonly Given[]) {
  const ports = new Map(before.map(({ service, port }) => [service, port]))
  const asked = again.filter(({ service }) => ports.get(service) !== undefined)
  const same = asked.filter(({ service, port }) => port === ports.get(service)).length
  return { same, changed: asked.length - same }
}
