/**
 * The TCP ports that the system's own services take on every machine. macOS: the AirPlay Receiver,
 * which is on unless the user switched it off.
 */
export function platformPorts(platform: NodeJS.Platform): readonly number[] {
  return platform === 'darwin' ? [5000, 7000] : []
}
