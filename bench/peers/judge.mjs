/**
 * One check for all: what failed, and which numbers two services were told.
 * @param {{ service: string, port?: number, error?: string, ms: number }[]} answers for services that
 * are all different
 */
export function judge(answers) {
  const given = answers.filter(({ port }) => Number.isInteger(port) && port > 0 && port < 65_536)
  const failed = answers.filter((answer) => !given.includes(answer))
  return {
    given,
    failures: failed.length,
    reasons: [...new Set(failed.map(({ error }) => error ?? 'no number'))],
    duplicates: given.length - new Set(given.map(({ port }) => port)).size,
  }
}

/** How many services were told the same port as before, and how many another. */
export function compareAnswers(before, again) {
  const ports = new Map(before.map(({ service, port }) => [service, port]))
  const asked = again.filter(({ service }) => ports.get(service) !== undefined)
  const same = asked.filter(({ service, port }) => port === ports.get(service)).length
  return { same, changed: asked.length - same }
}
