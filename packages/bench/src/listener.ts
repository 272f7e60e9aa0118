// Listens on every second of so many ports of an address, prints how many it got, and exits with its
// parent: node listener.js <address> <first port> <count>
import { once } from 'node:events'
import { createServer } from 'node:net'

const [host, first, count] = process.argv.slice(2)
let listening = 0
for (let index = 0; index < Number(count); index++) {
  const server = createServer()
  server.listen({ host, port: Number(first) + 2 * index, backlog: 1 })
  // A port that another process has is left to it.
  listening += await once(server, 'listening').then(
    () => 1,
    () => 0,
  )
}
console.log(listening)
process.stdin.resume().on('end', () => process.exit())
