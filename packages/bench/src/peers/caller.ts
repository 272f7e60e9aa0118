// Keeps a client open. For each line of services (a JSON array) it asks for one after the other, and
// answers with a line of { port, ms } or { error, ms }:
// node caller.js <URL of a module that exports createClient>
import { createInterface } from 'node:readline'

const { createClient } = await import(process.argv[2]!)
const ask: (service: string) => Promise<number> = await createClient()
console.log('"ready"')
for await (const line of createInterface({ input: process.stdin })) {
  const answers = []
  for (const service of JSON.parse(line)) {
    const started = performance.now()
    const answer = await ask(service).then(
      (port) => ({ port }),
      (error) => ({ error: `${error.cause?.message ?? error.message}` }),
    )
    answers.push({ ...answer, ms: performance.now() - started })
  }
  console.log(JSON.stringify(answers))
}
process.exit()
