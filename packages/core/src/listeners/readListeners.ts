import { Listeners } from './Listeners.js'
import { readNetstat } from './netstat.js'
import { readProcNet } from './procNet.js'

/** What listens on this host now, or undefined where this cannot be told. */
export async function readListeners(): Promise<Listeners | undefined> {
  const listeners = await readPlatform()
  return listeners && new Listeners(listeners)
}

async function readPlatform() {
  switch (process.platform) {
    case 'linux':
      return readProcNet()
    case 'darwin':
      return readNetstat()
  }
}
