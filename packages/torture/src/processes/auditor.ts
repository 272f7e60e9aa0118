// Records checks of all held ports with random verdicts and in random order, like concurrent audits
// of many hosts.
//
// node dist/processes/auditor.js '{ "file", "url", "until", "least", "last" }'
import { now, pick } from '../workload.js'
import { History } from './History.js'
import { endWithParent, openStore } from './registry.js'

const CONCURRENCY = 4
const VERDICTS = ['listening', 'not-listening', 'unknown'] as const

const { file, url, until, least, last } = JSON.parse(process.argv[2] ?? '{}')
endWithParent()
const history = new History(file)
const store = await openStore(history, url)
let audits = 0
await Promise.all(Array.from({ length: CONCURRENCY }, audit))
process.send?.({ done: audits }, () => process.exit(0))

async function audit() {
  while (now() < until || (audits < least && now() < last)) {
    const { ok } = await history.record({ op: 'audit' }, async () => {
      const { allocations } = await store.list({})
      const checks = allocations.map(({ id }) => ({ allocationId: id, verdict: pick(VERDICTS) }))
      await store.recordChecks(checks.sort(() => Math.random() - 0.5))
      return checks.length
    })
    if (ok !== undefined) audits++
  }
}
