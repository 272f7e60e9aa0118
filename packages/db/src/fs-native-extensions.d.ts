declare module 'fs-native-extensions' {
  /** An exclusive lock on the whole file: flock on macOS, an open file description lock on Linux. */
  export function tryLock(file: number): boolean
}
