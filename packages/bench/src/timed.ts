/** Returns the duration in milliseconds. */
export async function timed(work: () => unknown) {
  const started = performance.now()
  await work()
  return performance.now() - started
}
