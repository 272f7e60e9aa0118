import { onTestFinished } from 'vitest'
import { FaultyProxy, type ProxyOptions } from '../proxy/FaultyProxy.js'

/** A proxy that listens until the test ends. */
export async function faultyProxy(url: string, options?: ProxyOptions): Promise<FaultyProxy> {
  const proxy = new FaultyProxy(url, options)
  await proxy.up()
  onTestFinished(() => proxy.down())
  return proxy
}
