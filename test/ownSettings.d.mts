export function useOwnSettings(directory: string): void
