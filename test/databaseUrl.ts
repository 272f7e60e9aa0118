/** Of a database on the test server, whose socket is in that directory. */
export function databaseUrlOn(socketDirectory: string, database: string): string {
  return `postgresql://ports@localhost/${database}?host=${encodeURIComponent(socketDirectory)}`
}
