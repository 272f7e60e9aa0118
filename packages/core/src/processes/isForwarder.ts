/**
 * The processes of Docker and Podman that have published ports of containers open: those of their
 * own, and the user-mode networks of rootless containers.
 */
const FORWARDER =
  /^(?:\S*\/)?(?:conmon|docker-proxy|(?:containers-)?rootlessport|rootlesskit|slirp4netns|pasta(?:\.avx2)?)(?: |$)/

/**
 * Whether a process listens for a container. Its working directory is that of whatever program
 * started the container, and tells nothing about the container.
 */
export function isForwarder(command: string | undefined): boolean {
  return command !== undefined && FORWARDER.test(command)
}
