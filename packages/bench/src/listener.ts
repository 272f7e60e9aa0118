// Listens on <count> ports of an address, on every second one from the first. Prints on how many it
// listens, and exits with its parent.
//
// node listener.js <address> <first port> <count>
import { once } from 'node:events'
import { createServer } from 'node:net'

const [host, first, count] = process.argv.slice(2)
let listening = 0
for (let index = 0; index < Number(count); index++) {
  const server = createServer()
  server.listen({ host, port: Number(first) + 2 * index, backlog: 1 })
  // Another process may use the port.
  listening += await once(server, 'listening').then(
    () => 1,
    () => 0,
  )
}
console.log(listening)
process.stdin.resume().on('end', () => process.exit())
